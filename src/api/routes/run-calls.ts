import { createRoute, z } from '@hono/zod-openapi';
import { idParams, pageQuery } from '../http/parameters.ts';
import { recordErrorSchema } from '../views/record-error-view.ts';
import { json, jsonWithLocation, problems } from '../http/responses.ts';
import { runSchema, runStatuses } from '../views/run-view.ts';

const tags = ['runs'];

const optionsSchema = z
  .strictObject({
    full: z.boolean().optional().describe('Read everything, whatever the watermark.'),
    dryRun: z.boolean().optional().describe('Write nothing; the stats say what would be done.'),
    limit: z
      .number()
      .int()
      .min(1)
      .optional()
      .describe('Stop after this many records; nothing is removed, the watermark stays.'),
    continue: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Start where this failed or cancelled run of the sync stopped; goes with no other option.',
      ),
  })
  .refine((options) => options.continue === undefined || Object.keys(options).length === 1, {
    path: ['continue'],
    message: 'goes with no other option',
  })
  .openapi('RunOptions');

/** Starts a run. */
export const start = createRoute({
  method: 'post',
  path: '/v1/syncs/{id}/runs',
  tags,
  summary: 'Start a run of a sync, or continue one that ended early',
  request: {
    params: idParams,
    body: { required: false, content: { 'application/json': { schema: optionsSchema } } },
  },
  responses: { 202: jsonWithLocation('Started.', runSchema), ...problems(404, 409, 422, 503) },
});

/** Lists runs. */
export const list = createRoute({
  method: 'get',
  path: '/v1/runs',
  tags,
  summary: 'Runs, newest first',
  request: {
    query: pageQuery.extend({
      sync: z
        .string()
        .min(1)
        .optional()
        .describe('Only runs of this sync; `entity.destination` for the runs of a destination.'),
      entity: z.string().min(1).optional().describe('Only cycles of this entity.'),
      status: z.enum(runStatuses).optional(),
    }),
  },
  responses: {
    200: json(
      'A page of runs.',
      z.object({ runs: z.array(runSchema), next: z.string().nullable() }),
    ),
    ...problems(422),
  },
});

/** Shows one run. */
export const get = createRoute({
  method: 'get',
  path: '/v1/runs/{id}',
  tags,
  summary: 'One run',
  request: { params: idParams },
  responses: { 200: json('The run.', runSchema), ...problems(404) },
});

/** A run's record errors. */
export const errors = createRoute({
  method: 'get',
  path: '/v1/runs/{id}/errors',
  tags,
  summary: 'The record errors of a run',
  request: {
    params: idParams,
    query: pageQuery.extend({
      after: z
        .string()
        .regex(/^\d{1,18}$/, 'must be the `next` of the page before')
        .optional()
        .describe('The `next` of the page before.'),
    }),
  },
  responses: {
    200: json(
      'A page of record errors.',
      z.object({ errors: z.array(recordErrorSchema), next: z.string().nullable() }),
    ),
    ...problems(404, 422),
  },
});

/** Pauses a run. */
export const pause = action('/v1/runs/{id}/pause', 'Pause a run');
/** Resumes a run. */
export const resume = action('/v1/runs/{id}/resume', 'Resume a paused run');
/** Cancels a run. */
export const cancel = action('/v1/runs/{id}/cancel', 'Cancel a run');
/** Approves the removals that a run waits with. */
export const approve = action('/v1/runs/{id}/approve', 'Approve the removal that a run waits for');
/** Retries the record errors of a run. */
export const retryErrors = action(
  '/v1/runs/{id}/retry-errors',
  'Start a run of the records that failed in this one',
);

function action<P extends string>(path: P, summary: string) {
  return createRoute({
    method: 'post',
    path,
    tags,
    summary,
    request: { params: idParams },
    responses: { 202: jsonWithLocation('Accepted.', runSchema), ...problems(404, 409, 503) },
  });
}
