import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { idSchema } from '../../model/sync.ts';
import {
  checkSchema,
  connectionInputSchema,
  connectionSchema,
  streamSchema,
} from '../views/connection-schemas.ts';
import { idParams } from '../http/parameters.ts';
import { notFound } from '../http/problem.ts';
import { json, jsonWithLocation, problems } from '../http/responses.ts';
import { newRouter } from '../http/router.ts';
import type { Services } from '../services.ts';

const tags = ['connections'];

const list = createRoute({
  method: 'get',
  path: '/v1/connections',
  tags,
  summary: 'All connections',
  responses: {
    200: json(
      'All connections, without secrets.',
      z.object({ connections: z.array(connectionSchema) }),
    ),
  },
});

const get = createRoute({
  method: 'get',
  path: '/v1/connections/{id}',
  tags,
  summary: 'One connection',
  request: { params: idParams },
  responses: { 200: json('The connection, without secrets.', connectionSchema), ...problems(404) },
});

const put = createRoute({
  method: 'put',
  path: '/v1/connections/{id}',
  tags,
  summary: 'Declare a connection, or declare it anew',
  request: {
    params: z.object({ id: idSchema }),
    body: { required: true, content: { 'application/json': { schema: connectionInputSchema } } },
  },
  responses: {
    200: json('Replaced.', connectionSchema),
    201: jsonWithLocation('Created.', connectionSchema),
    ...problems(422),
  },
});

const remove = createRoute({
  method: 'delete',
  path: '/v1/connections/{id}',
  tags,
  summary: 'Remove a connection',
  request: { params: idParams },
  responses: { 204: { description: 'Removed.' }, ...problems(404, 409) },
});

const check = createRoute({
  method: 'post',
  path: '/v1/connections/{id}/check',
  tags,
  summary: 'Does the connection work?',
  request: { params: idParams },
  responses: { 200: json('It works, or why it does not.', checkSchema), ...problems(404) },
});

const streams = createRoute({
  method: 'get',
  path: '/v1/connections/{id}/streams',
  tags,
  summary: 'The streams that the connection offers',
  request: { params: idParams },
  responses: {
    200: json('The streams and their fields.', z.object({ streams: z.array(streamSchema) })),
    ...problems(404, 422, 503),
  },
});

/** `/v1/connections`. */
export function connectionRoutes({ connections }: Pick<Services, 'connections'>): OpenAPIHono {
  const router = newRouter();
  const found = async (id: string) => {
    const connection = await connections.get(id);
    if (connection === null) throw notFound('connection', id);
    return connection;
  };
  router.openapi(list, async (c) => c.json({ connections: await connections.list() }, 200));
  router.openapi(get, async (c) => c.json(await found(c.req.valid('param').id), 200));
  router.openapi(put, async (c) => {
    const { id } = c.req.valid('param');
    const result = await connections.put(id, c.req.valid('json'));
    const connection = await found(id);
    return result === 'created'
      ? c.json(connection, 201, { Location: `/v1/connections/${id}` })
      : c.json(connection, 200);
  });
  router.openapi(remove, async (c) => {
    const { id } = c.req.valid('param');
    if (!(await connections.remove(id))) throw notFound('connection', id);
    return c.body(null, 204);
  });
  router.openapi(check, async (c) => {
    const { id } = c.req.valid('param');
    await found(id);
    return c.json(await connections.check(id), 200);
  });
  router.openapi(streams, async (c) => {
    const { id } = c.req.valid('param');
    await found(id);
    return c.json({ streams: (await connections.streams(id)).map(copy) }, 200);
  });
  return router;
}

function copy<T extends { fields: readonly F[]; primaryKey: readonly string[] }, F extends object>(
  stream: T,
) {
  return { ...stream, fields: [...stream.fields], primaryKey: [...stream.primaryKey] };
}
