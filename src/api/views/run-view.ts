import { z } from '@hono/zod-openapi';
import { cycleStages } from '../../model/cycle.ts';
import { destinationOfSync } from '../../model/entity-syncs.ts';
import { modes } from '../../model/mode.ts';
import type { Stats } from '../../model/outcome.ts';
import type { Preview } from '../../model/preview.ts';
import type { Run, RunStatus } from '../../model/run.ts';
import { keyView } from './record-error-view.ts';

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
    skippedBy: z.object({
      mode: count,
      filter: count,
      duplicate: count,
      edited: count
        .optional()
        .describe('Edited at a two-way destination since they were read. Absent: none.'),
    }),
    removeErrors: count.describe('Removals that failed; not among the imported records.'),
  })
  .openapi('Stats');

const moment = z.iso.datetime();

const keySchema = z.unknown().describe('The key: a value, a list for a composite key.');

const previewSchema = z
  .object({
    canRead: z
      .boolean()
      .describe('Whether the destination can be read, so that old values are known.'),
    reason: z.string().nullable().describe('Why not.'),
    changes: z
      .array(
        z.object({
          operation: z.enum(['create', 'update']),
          key: keySchema,
          fields: z.array(
            z.object({ field: z.string(), before: z.unknown().optional(), after: z.unknown() }),
          ),
        }),
      )
      .describe('At most 20 records that would be written, updates first; long values are cut.'),
    removal: z
      .object({
        remove: count,
        of: count,
        needsApproval: z.boolean(),
        keys: z.array(keySchema).describe('At most 20.'),
      })
      .nullable(),
  })
  .openapi('Preview');

const shape = {
  id: z.string(),
  sync: z.string().nullable().describe('Null for a cycle of an entity.'),
  mode: z.enum(modes).nullable().describe('Null for a cycle: each destination has its own.'),
  entity: z
    .string()
    .nullable()
    .describe('Of a cycle and of the run of a destination: the entity; else null.'),
  destination: z
    .string()
    .nullable()
    .describe('Of the run of a destination: its name in the entity; else null.'),
  parent: z.string().nullable().describe('The cycle that started it.'),
  status: z.enum(runStatuses),
  phase: z.enum(['open', 'sync', 'remove', ...cycleStages]).describe('Of a cycle: its stage.'),
  outcome: z.enum(['ok', 'partial', 'nothing_written']).nullable(),
  stats: statsSchema,
  watermark: z.string().nullable(),
  startedAt: moment,
  finishedAt: moment.nullable(),
  waitingUntil: moment.nullable().describe('Until when it waits for a rate limit.'),
  removal: z
    .object({ remove: count, of: count, reason: z.string().optional() })
    .nullable()
    .describe('What it would remove, once approved, and why it asks.'),
  warnings: z
    .array(z.object({ code: z.string(), message: z.string() }))
    .describe('What is worth knowing although nothing failed.'),
  failure: z
    .object({ code: z.string(), message: z.string(), connection: z.string().optional() })
    .nullable(),
  dryRun: z.boolean().describe('Nothing is written; the stats say what would be.'),
  continues: z
    .string()
    .nullable()
    .describe('The run that this one continues; the stats count this one only.'),
  preview: previewSchema
    .optional()
    .describe('What a dry run would do; for 24 hours, or until the next dry run of the sync.'),
  links: z.object({
    self: z.string(),
    errors: z.string(),
    events: z.string(),
    sync: z.string().optional().describe('Of a run of a sync.'),
    entity: z.string().optional().describe('Of a cycle, and of the run of a destination.'),
  }),
};

const stageSchema = z
  .object({
    name: z.enum(cycleStages),
    status: z.enum(['pending', 'running', 'done']),
    counts: z.record(z.string(), z.number()).describe('What the stage has done so far, by name.'),
  })
  .openapi('CycleStage');

const missingSchema = z
  .object({
    source: z.string(),
    since: moment.describe('When it first failed since it was last read.'),
    code: z.string(),
    message: z.string(),
    connection: z.string(),
  })
  .openapi('MissingSource');

/** A run, as the API shows it. */
export const runSchema = z
  .object({
    ...shape,
    stages: z.array(stageSchema).optional().describe('Of a cycle: its stages, in order.'),
    more: z
      .boolean()
      .optional()
      .describe('Of a cycle: sources hold more changes, which the next cycle reads.'),
    missing: z
      .array(missingSchema)
      .optional()
      .describe('Of a cycle: sources that it went on without; a later cycle reads them.'),
    children: z
      .array(z.object(shape).openapi('DestinationRun'))
      .optional()
      .describe('Of a cycle: the runs of its destinations.'),
  })
  .openapi('Run');

/** A run's JSON. */
export type RunView = z.infer<typeof runSchema>;
/** The JSON of a run that is no cycle. */
export type SyncRunView = NonNullable<RunView['children']>[number];

/**
 * Maps a run to its JSON.
 * @param children for a cycle: the runs of its destinations
 * @param preview shown only when one run is asked for
 */
export function runView(
  run: Run,
  children: readonly Run[] = [],
  preview: Preview | null = null,
): RunView {
  const view = { ...plainView(run), ...(preview !== null && { preview: previewView(preview) }) };
  if (run.cycle === null) return view;
  const { stages, more, missing } = run.cycle;
  return {
    ...view,
    stages: stages.map((stage) => ({ ...stage, counts: { ...stage.counts } })),
    more,
    missing: missing.map((one) => ({ ...one })),
    children: children.filter(({ parent }) => parent === run.id).map(plainView),
  };
}

function plainView(run: Run): SyncRunView {
  const destination = run.sync === null ? null : destinationOfSync(run.sync);
  const entity = run.cycle?.entity ?? destination?.entity ?? null;
  const self = `/v1/runs/${run.id}`;
  return {
    id: run.id,
    sync: run.sync,
    mode: run.mode,
    entity,
    destination: destination?.destination ?? null,
    parent: run.parent,
    status: run.status,
    phase: run.phase,
    outcome: run.outcome,
    stats: statsView(run.stats),
    watermark: run.watermark,
    startedAt: run.startedAt.toISOString(),
    finishedAt: run.finishedAt?.toISOString() ?? null,
    waitingUntil: run.waitingUntil?.toISOString() ?? null,
    removal: run.removal,
    warnings: [...run.warnings],
    failure: run.failure,
    dryRun: run.options.dryRun ?? false,
    continues: run.options.continueOf ?? null,
    links: {
      self,
      errors: `${self}/errors`,
      events: `${self}/events`,
      ...(run.sync !== null && { sync: `/v1/syncs/${run.sync}` }),
      ...(entity !== null && { entity: `/v1/entities/${entity}` }),
    },
  };
}

function previewView({ canRead, reason, changes, removal }: Preview): RunView['preview'] {
  return {
    canRead,
    reason,
    changes: changes.map(({ operation, key, fields }) => ({
      operation,
      key: keyView(key),
      fields: fields.map((field) => ({ ...field })),
    })),
    removal: removal && { ...removal, keys: removal.keys.map(keyView) },
  };
}

function statsView(stats: Stats): RunView['stats'] {
  const { mode, filter, duplicate, edited } = stats.skipped;
  return {
    imported: stats.imported,
    exported: stats.created + stats.updated,
    created: stats.created,
    updated: stats.updated,
    unchanged: stats.unchanged,
    skipped: mode + filter + duplicate + edited,
    removed: stats.removed,
    errors: stats.errors,
    skippedBy: { mode, filter, duplicate, ...(edited > 0 && { edited }) },
    removeErrors: stats.removeErrors,
  };
}
