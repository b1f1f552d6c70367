import { z } from '@hono/zod-openapi';
import { modes } from '../model/mode.ts';
import type { Stats } from '../model/outcome.ts';
import type { Run, RunStatus } from '../model/run.ts';

/** Every status a run can have. */
export const runStatuses = [
  'pending',
  'running',
  'paused',
  'completed',
  'failed',
  'cancelled',
] as const satisfies readonly RunStatus[];

const count = z.number().int().min(0);

const statsSchema = z
  .object({
    imported: count.describe('created + updated + unchanged + skipped + errors'),
    exported: count.describe('created + updated'),
    created: count,
    updated: count,
    unchanged: count,
    skipped: count.describe('The sum of `skippedBy`.'),
    removed: count,
    errors: count,
    skippedBy: z.object({ mode: count, filter: count, duplicate: count }),
    removeErrors: count.describe('Removals that failed; not among the imported records.'),
  })
  .openapi('Stats');

const moment = z.iso.datetime();

/** A run, as the API shows it. */
export const runSchema = z
  .object({
    id: z.string(),
    sync: z.string(),
    mode: z.enum(modes),
    status: z.enum(runStatuses),
    phase: z.enum(['open', 'sync', 'remove', 'close']),
    outcome: z.enum(['ok', 'partial', 'nothing_written']).nullable(),
    stats: statsSchema,
    watermark: z.string().nullable(),
    startedAt: moment,
    finishedAt: moment.nullable(),
    waitingUntil: moment.nullable().describe('Until when it waits for a rate limit.'),
    removal: z
      .object({ remove: count, of: count })
      .nullable()
      .describe('What it would remove, once approved.'),
    failure: z
      .object({ code: z.string(), message: z.string(), connection: z.string().optional() })
      .nullable(),
    dryRun: z.boolean().describe('Nothing is written; the stats say what would be.'),
    links: z.object({
      self: z.string(),
      errors: z.string(),
      events: z.string(),
      sync: z.string(),
    }),
  })
  .openapi('Run');

/** A run's JSON. */
export type RunView = z.infer<typeof runSchema>;

/** Maps a run to its JSON. */
export function runView(run: Run): RunView {
  const self = `/v1/runs/${run.id}`;
  return {
    id: run.id,
    sync: run.sync,
    mode: run.mode,
    status: run.status,
    phase: run.phase,
    outcome: run.outcome,
    stats: statsView(run.stats),
    watermark: run.watermark,
    startedAt: run.startedAt.toISOString(),
    finishedAt: run.finishedAt?.toISOString() ?? null,
    waitingUntil: run.waitingUntil?.toISOString() ?? null,
    removal: run.removal,
    failure: run.failure,
    dryRun: run.options.dryRun ?? false,
    links: {
      self,
      errors: `${self}/errors`,
      events: `${self}/events`,
      sync: `/v1/syncs/${run.sync}`,
    },
  };
}

function statsView(stats: Stats): RunView['stats'] {
  const { mode, filter, duplicate } = stats.skipped;
  return {
    imported: stats.imported,
    exported: stats.created + stats.updated,
    created: stats.created,
    updated: stats.updated,
    unchanged: stats.unchanged,
    skipped: mode + filter + duplicate,
    removed: stats.removed,
    errors: stats.errors,
    skippedBy: { mode, filter, duplicate },
    removeErrors: stats.removeErrors,
  };
}
