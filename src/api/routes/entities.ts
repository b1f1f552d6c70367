import type { OpenAPIHono } from '@hono/zod-openapi';
import { acceptedRun } from '../http/accepted-run.ts';
import { withoutUndefined } from '../http/without-undefined.ts';
import {
  changes,
  duplicates,
  erase,
  get,
  history,
  lag,
  list,
  put,
  records,
  remove,
  start,
} from './entity-calls.ts';
import { record, setField, takeBackField } from './record-calls.ts';
import { entityView } from '../views/entity-view.ts';
import { originsView } from '../views/origin-view.ts';
import { entryView, goldenView } from '../views/golden-view.ts';
import { notFound } from '../http/problem.ts';
import { newRouter } from '../http/router.ts';
import type { Json } from '../../model/json.ts';
import type { EntityService, LogPage, Services } from '../services.ts';

/** `/v1/entities`: entities, their cycles and their records. */
export function entityRoutes({ entities, runs }: Pick<Services, 'entities' | 'runs'>): OpenAPIHono {
  const router = newRouter();
  router.openapi(list, async (c) => {
    return c.json({ entities: (await entities.list()).map(entityView) }, 200);
  });
  router.openapi(get, async (c) => c.json(await found(entities, c.req.valid('param').id), 200));
  router.openapi(put, async (c) => {
    const { id } = c.req.valid('param');
    const result = await entities.put(id, c.req.valid('json'));
    const entity = await found(entities, id);
    return result === 'created'
      ? c.json(entity, 201, { Location: `/v1/entities/${id}` })
      : c.json(entity, 200);
  });
  router.openapi(remove, async (c) => {
    const { id } = c.req.valid('param');
    if (!(await entities.remove(id))) throw notFound('entity', id);
    return c.body(null, 204);
  });
  router.openapi(start, async (c) => {
    const options = withoutUndefined(c.req.valid('json') ?? {});
    return acceptedRun(c, runs, await entities.start(c.req.valid('param').id, options));
  });
  addRecords(router, entities);
  addFields(router, entities);
  addReports(router, entities);
  return router;
}

function addRecords(router: OpenAPIHono, entities: EntityService): void {
  router.openapi(records, async (c) => {
    const { id } = await found(entities, c.req.valid('param').id);
    const { deleted, ...query } = c.req.valid('query');
    const page = await entities.records(id, {
      ...withoutUndefined(query),
      deleted: deleted === 'true',
    });
    return c.json({ records: page.records.map(goldenView), next: page.next }, 200);
  });
  router.openapi(record, async (c) => {
    const { id, record: of } = c.req.valid('param');
    const golden = goldenView(await foundRecord(entities, id, of));
    if (c.req.valid('query').provenance !== 'true') return c.json(golden, 200);
    return c.json({ ...golden, provenance: originsView(await entities.origins(id, of)) }, 200);
  });
  router.openapi(erase, async (c) => {
    const { id, record: of } = c.req.valid('param');
    await found(entities, id);
    if (!(await entities.erase(id, of))) throw notFound(`record of entity "${id}"`, of);
    return c.body(null, 204);
  });
  router.openapi(history, async (c) => {
    const { id, record: of } = c.req.valid('param');
    await foundRecord(entities, id, of);
    return c.json(
      logView(await entities.history(id, of, withoutUndefined(c.req.valid('query')))),
      200,
    );
  });
}

function addFields(router: OpenAPIHono, entities: EntityService): void {
  router.openapi(setField, async (c) => {
    const { id, record: of, field } = c.req.valid('param');
    await found(entities, id);
    const { value, reason } = c.req.valid('json');
    await entities.setField(id, of, { field, value: value as Json, reason });
    return c.json(goldenView(await foundRecord(entities, id, of)), 200);
  });
  router.openapi(takeBackField, async (c) => {
    const { id, record: of, field } = c.req.valid('param');
    await found(entities, id);
    await entities.takeBackField(id, of, field);
    return c.json(goldenView(await foundRecord(entities, id, of)), 200);
  });
}

function addReports(router: OpenAPIHono, entities: EntityService): void {
  router.openapi(changes, async (c) => {
    const { id } = await found(entities, c.req.valid('param').id);
    const { cycle, ...page } = c.req.valid('query');
    return c.json(logView(await entities.changes(id, cycle, withoutUndefined(page))), 200);
  });
  router.openapi(lag, async (c) => {
    const { id } = await found(entities, c.req.valid('param').id);
    return c.json({ destinations: await entities.lag(id) }, 200);
  });
  router.openapi(duplicates, async (c) => {
    const { id } = await found(entities, c.req.valid('param').id);
    const groups = (await entities.duplicates(id)).map(({ records: members, ...group }) => ({
      ...group,
      records: [...members],
      at: group.at.toISOString(),
    }));
    return c.json({ groups }, 200);
  });
}

async function found(entities: EntityService, id: string) {
  const entity = await entities.get(id);
  if (entity === null) throw notFound('entity', id);
  return entityView(entity);
}

async function foundRecord(entities: EntityService, id: string, of: string) {
  await found(entities, id);
  const golden = await entities.record(id, of);
  if (golden === null) throw notFound(`record of entity "${id}"`, of);
  return golden;
}

function logView({ entries, next }: LogPage) {
  return { entries: entries.map(entryView), next };
}
