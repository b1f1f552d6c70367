import { createRoute, z } from '@hono/zod-openapi';
import { idSchema } from '../../model/sync.ts';
import { entityBodySchema, entityViewSchema } from '../views/entity-view.ts';
import { entrySchema, goldenSchema } from '../views/golden-view.ts';
import { idParams, pageQuery } from '../http/parameters.ts';
import { json, jsonWithLocation, problems } from '../http/responses.ts';
import { runSchema } from '../views/run-view.ts';

const tags = ['entities'];
const recordId = z.string().regex(/^\d{1,18}$/, 'must be the id of a record');
/** The parameters of a call about one record. */
export const recordParams = z.object({ id: z.string(), record: recordId });
const afterNumber = z
  .string()
  .regex(/^\d{1,18}$/, 'must be the `next` of the page before')
  .optional()
  .describe('The `next` of the page before.');
const logPage = z.object({ entries: z.array(entrySchema), next: z.string().nullable() });

/** Lists entities. */
export const list = createRoute({
  method: 'get',
  path: '/v1/entities',
  tags,
  summary: 'All entities',
  responses: { 200: json('All entities.', z.object({ entities: z.array(entityViewSchema) })) },
});

/** Shows one entity. */
export const get = createRoute({
  method: 'get',
  path: '/v1/entities/{id}',
  tags,
  summary: 'One entity',
  request: { params: idParams },
  responses: { 200: json('The entity.', entityViewSchema), ...problems(404) },
});

/** Declares an entity. */
export const put = createRoute({
  method: 'put',
  path: '/v1/entities/{id}',
  tags,
  summary: 'Declare an entity, or declare it anew',
  request: {
    params: z.object({ id: idSchema }),
    body: { required: true, content: { 'application/json': { schema: entityBodySchema } } },
  },
  responses: {
    200: json('Replaced.', entityViewSchema),
    201: jsonWithLocation('Created.', entityViewSchema),
    ...problems(409, 422, 503),
  },
});

/** Removes an entity. */
export const remove = createRoute({
  method: 'delete',
  path: '/v1/entities/{id}',
  tags,
  summary: 'Remove an entity with its records, ids, log and schedule',
  request: { params: idParams },
  responses: { 204: { description: 'Removed.' }, ...problems(404, 409) },
});

const optionsSchema = z
  .strictObject({
    full: z.boolean().optional().describe('Read the sources from the beginning.'),
    drain: z.boolean().optional().describe('Go on with further cycles until no source holds more.'),
  })
  .openapi('CycleOptions');

/** Starts a cycle. */
export const start = createRoute({
  method: 'post',
  path: '/v1/entities/{id}/runs',
  tags,
  summary: 'Start a cycle of an entity',
  description:
    'An open cycle that only waits for its destinations leaves them to themselves and gives way to the new one.',
  request: {
    params: idParams,
    body: { required: false, content: { 'application/json': { schema: optionsSchema } } },
  },
  responses: { 202: jsonWithLocation('Started.', runSchema), ...problems(404, 409, 422, 503) },
});

/** Lists records. */
export const records = createRoute({
  method: 'get',
  path: '/v1/entities/{id}/records',
  tags,
  summary: 'The unified records of an entity',
  description:
    'With `where` a page may hold fewer records than `limit`: go on while `next` is set.',
  request: {
    params: idParams,
    query: pageQuery.extend({
      after: afterNumber,
      where: z
        .string()
        .min(1)
        .optional()
        .describe('A CEL condition over the fields of the entity, such as `type == "Customer"`.'),
      deleted: z
        .enum(['true', 'false'])
        .optional()
        .describe('Whether deleted records are listed too. Default false.'),
    }),
  },
  responses: {
    200: json(
      'A page of records.',
      z.object({ records: z.array(goldenSchema), next: z.string().nullable() }),
    ),
    ...problems(404, 422),
  },
});

/** Erases a record. */
export const erase = createRoute({
  method: 'delete',
  path: '/v1/entities/{id}/records/{record}',
  tags,
  summary: 'Erase all that Sluice keeps of a record: values, ids, log, ledger',
  request: { params: recordParams },
  responses: { 204: { description: 'Erased.' }, ...problems(404, 409, 422) },
});

/** Lists what cycles did to one record. */
export const history = createRoute({
  method: 'get',
  path: '/v1/entities/{id}/records/{record}/history',
  tags,
  summary: 'What cycles did to a record, newest first',
  request: { params: recordParams, query: pageQuery.extend({ after: afterNumber }) },
  responses: { 200: json('A page of its history.', logPage), ...problems(404, 422) },
});

/** Lists what one cycle did. */
export const changes = createRoute({
  method: 'get',
  path: '/v1/entities/{id}/history',
  tags,
  summary: 'What one cycle did, by record',
  request: {
    params: idParams,
    query: pageQuery.extend({
      after: afterNumber,
      cycle: z.coerce.number().int().min(1).describe('The number of the cycle.'),
    }),
  },
  responses: { 200: json('A page of what it did.', logPage), ...problems(404, 422) },
});

/** Tells the lag of the destinations. */
export const lag = createRoute({
  method: 'get',
  path: '/v1/entities/{id}/lag',
  tags,
  summary: 'How far each destination is behind',
  request: { params: idParams },
  responses: {
    200: json(
      'The lag by destination.',
      z.object({
        destinations: z.record(
          z.string(),
          z.object({
            records: z
              .number()
              .int()
              .describe('Records that changed since the last delivery or were refused.'),
            refused: z
              .number()
              .int()
              .describe('Those of them that the destination refused; they come again.'),
            seconds: z.number().describe('Age of the oldest change that was not delivered.'),
            watermark: z.string().nullable().describe('How far the change log was delivered.'),
          }),
        ),
      }),
    ),
    ...problems(404),
  },
});

/** Lists duplicates that were not merged. */
export const duplicates = createRoute({
  method: 'get',
  path: '/v1/entities/{id}/duplicates',
  tags,
  summary: 'Records that look like duplicates and were not merged',
  request: { params: idParams },
  responses: {
    200: json(
      'The groups.',
      z.object({
        groups: z.array(
          z.object({
            records: z.array(z.string()),
            reason: z
              .string()
              .describe('`guard`: the group is too large; `report`: the entity only reports.'),
            cycle: z.number().int(),
            at: z.iso.datetime(),
          }),
        ),
      }),
    ),
    ...problems(404),
  },
});
