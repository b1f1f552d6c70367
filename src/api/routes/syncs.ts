import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { idSchema } from '../../model/sync.ts';
import { idParams } from '../http/parameters.ts';
import { notFound } from '../http/problem.ts';
import { json, jsonWithLocation, problems } from '../http/responses.ts';
import { newRouter } from '../http/router.ts';
import type { Services } from '../services.ts';
import { syncBodySchema, syncView, syncViewSchema } from '../views/sync-view.ts';

const tags = ['syncs'];

const list = createRoute({
  method: 'get',
  path: '/v1/syncs',
  tags,
  summary: 'All syncs',
  responses: { 200: json('All syncs.', z.object({ syncs: z.array(syncViewSchema) })) },
});

const get = createRoute({
  method: 'get',
  path: '/v1/syncs/{id}',
  tags,
  summary: 'One sync',
  request: { params: idParams },
  responses: { 200: json('The sync.', syncViewSchema), ...problems(404) },
});

const put = createRoute({
  method: 'put',
  path: '/v1/syncs/{id}',
  tags,
  summary: 'Declare a sync, or declare it anew',
  request: {
    params: z.object({ id: idSchema }),
    body: { required: true, content: { 'application/json': { schema: syncBodySchema } } },
  },
  responses: {
    200: json('Replaced.', syncViewSchema),
    201: jsonWithLocation('Created.', syncViewSchema),
    ...problems(409, 422, 503),
  },
});

const remove = createRoute({
  method: 'delete',
  path: '/v1/syncs/{id}',
  tags,
  summary: 'Remove a sync and its schedule',
  request: { params: idParams },
  responses: { 204: { description: 'Removed.' }, ...problems(404, 409) },
});

/** `/v1/syncs`. */
export function syncRoutes({ syncs }: Pick<Services, 'syncs'>): OpenAPIHono {
  const router = newRouter();
  const found = async (id: string) => {
    const sync = await syncs.get(id);
    if (sync === null) throw notFound('sync', id);
    return syncView(sync);
  };
  router.openapi(list, async (c) => c.json({ syncs: (await syncs.list()).map(syncView) }, 200));
  router.openapi(get, async (c) => c.json(await found(c.req.valid('param').id), 200));
  router.openapi(put, async (c) => {
    const { id } = c.req.valid('param');
    const result = await syncs.put(id, c.req.valid('json'));
    const sync = await found(id);
    return result === 'created'
      ? c.json(sync, 201, { Location: `/v1/syncs/${id}` })
      : c.json(sync, 200);
  });
  router.openapi(remove, async (c) => {
    const { id } = c.req.valid('param');
    if (!(await syncs.remove(id))) throw notFound('sync', id);
    return c.body(null, 204);
  });
  return router;
}
