import { z } from '@hono/zod-openapi';
import type { GoldenView, StoredEntry } from '../services.ts';
import { shownJson } from './shown-json.ts';

const moment = z.iso.datetime();
const fieldValues = z.record(z.string(), z.unknown());

/** A unified record, as the API shows it. */
export const goldenSchema = z
  .object({
    id: z.string(),
    fields: fieldValues.describe('A field that nothing has set is absent.'),
    ids: z
      .record(z.string(), z.array(z.string()))
      .describe('The ids of the record in each system, by source or destination.'),
    createdAt: moment,
    updatedAt: moment,
    deleted: z.boolean(),
    mergedInto: z.string().nullable().describe('The record that took its place.'),
  })
  .openapi('GoldenRecord');

/** A unified record's JSON. */
export type GoldenJson = z.infer<typeof goldenSchema>;

/** Maps a unified record to its JSON. */
export function goldenView(record: GoldenView): GoldenJson {
  const ids = Object.create(null) as Record<string, string[]>;
  for (const { system, id } of record.ids) (ids[system] ??= []).push(id);
  return {
    id: record.id,
    fields: Object.fromEntries(
      Object.entries(record.values).map(([name, value]) => [name, shownJson(value)]),
    ),
    ids,
    createdAt: record.createdAt.toISOString(),
    updatedAt: record.updatedAt.toISOString(),
    deleted: record.deleted,
    mergedInto: record.mergedInto,
  };
}

/** Schema of the rule that decided about a value. */
export const decisionSchema = z
  .enum(['only', 'latest', 'ranked', 'owner', 'manual', 'derived', 'fill', 'newest'])
  .describe('Which rule decided; `only`: no other source sets the field; `manual`: a person.');
/** Schema of who gave a value. */
export const sourceNameSchema = z
  .string()
  .describe('The source; `_` for a derived field, `manual` for a person.');
/** Schema of when a source says that a value changed. */
export const sourceTimeSchema = z
  .string()
  .nullable()
  .describe('When the source says it changed: a time in UTC, or its own number.');

/** Schema of what one cycle did to one record, as the API shows it. */
export const entrySchema = z
  .object({
    record: z.string(),
    cycle: z.number().int().describe('The number of the cycle, counted per entity.'),
    run: z.string().describe('The run of the cycle; `manual` when only a person did something.'),
    at: moment,
    operation: z.enum(['create', 'update', 'delete', 'merge']),
    changes: z.array(
      z.object({
        field: z.string(),
        old: z.unknown(),
        new: z.unknown(),
        source: sourceNameSchema,
        at: sourceTimeSchema,
        by: decisionSchema,
        reason: z.string().optional().describe('The reason that a person gave.'),
      }),
    ),
    refused: z
      .array(
        z.object({
          field: z.string(),
          value: z.unknown(),
          source: sourceNameSchema,
          at: sourceTimeSchema,
          by: decisionSchema,
        }),
      )
      .describe('Values that a source gave and that the authority of their field did not take.'),
    ids: z.array(
      z.object({
        system: z.string(),
        id: z.string(),
        change: z.enum(['attached', 'detached', 'moved']),
        by: z.enum(['new', 'match', 'written', 'deleted', 'merge']),
      }),
    ),
    merged: z
      .array(z.string())
      .describe('Of the winner of a merge: the records that went into it; of a loser: the winner.'),
  })
  .openapi('LogEntry');

/** A log entry's JSON. */
export type EntryJson = z.infer<typeof entrySchema>;

/** Maps a log entry to its JSON. */
export function entryView(entry: StoredEntry): EntryJson {
  return {
    record: entry.record,
    cycle: entry.cycle,
    run: entry.run,
    at: entry.at.toISOString(),
    operation: entry.operation,
    changes: entry.changes.map((change) => ({
      ...change,
      old: shownJson(change.old),
      new: shownJson(change.new),
    })),
    refused: entry.refused.map((refusal) => ({ ...refusal, value: shownJson(refusal.value) })),
    ids: entry.ids.map((change) => ({ ...change })),
    merged: [...entry.merged],
  };
}
