import { z } from 'zod';
import { modes } from './mode.ts';
import { removalKinds } from './removal.ts';
import { anyNames } from './any-names.ts';
import { durationSchema } from './duration.ts';

/** Schema of the ids of connections and syncs. They become workflow ids and parts of table names. */
export const idSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/,
    'must be letters, digits, - and _, at most 63, starting with a letter or digit',
  );

/** Schema of a key as a project file writes it: a field, or a list of fields. */
export const keySchema = z
  .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
  .describe('The field, or list of fields, that matches a source record to a destination record.');

/** Schema of the origin of a destination field's value, within the record itself. */
export const fieldSourceSchema = z.union([
  z.string().min(1).describe('A source field, copied unchanged.'),
  z.strictObject({ expr: z.string().min(1).describe('A CEL expression over the source fields.') }),
  z.strictObject({ value: z.json().describe('A constant.') }),
]);

/** The value of one entry of `fields`. */
export type FieldSource = z.infer<typeof fieldSourceSchema>;

const parentSchema = z.strictObject({
  stream: z.string().min(1).describe('The stream of the other record, at the same destination.'),
  key: anyNames(fieldSourceSchema)
    .refine((key) => Object.keys(key).length > 0, 'must name a field')
    .describe(
      'Field of the other record → source field, { expr } or { value } that it is found by.',
    ),
  field: z
    .string()
    .min(1)
    .optional()
    .describe(
      "The field of the other record whose value is written. Default: the system's own id.",
    ),
});

/** Schema of the origin of a destination field's value: the record, or another record that it points to. */
export const mappedFieldSourceSchema = z.union([
  fieldSourceSchema,
  z.strictObject({
    lookup: parentSchema.describe('The record that this one belongs to, found by its key.'),
  }),
]);

/** The value of one entry of `fields` of a destination. */
export type MappedFieldSource = z.infer<typeof mappedFieldSourceSchema>;

/** Schema of a schedule as a project file writes it. */
export const scheduleSchema = z.union([
  z.strictObject({
    every: durationSchema.describe('How often the sync runs, such as 15m or 6h.'),
  }),
  z.strictObject({
    cron: z.string().min(1).describe('A cron expression of five fields.'),
    timezone: z.string().optional().describe('An IANA time zone. Default UTC.'),
  }),
]);

/** The times at which a sync runs by itself. */
export type ScheduleSpec = z.infer<typeof scheduleSchema>;

/** Schema of the rules for removals as a project file writes them. */
export const removalSchema = z.strictObject({
  scope: z
    .enum(['all', 'tracked'])
    .default('all')
    .describe(
      'all: any destination record the source lacks; tracked: only those that this sync has written.',
    ),
  guard: z
    .union([
      z.literal(false),
      z.strictObject({
        records: z.number().int().min(0).default(100),
        fraction: z.number().min(0).max(1).default(0.2),
      }),
    ])
    .prefault({})
    .describe(
      'Removing more than this many records and more than this fraction waits for approval. false: no guard.',
    ),
  by: z
    .enum(removalKinds)
    .optional()
    .describe(
      'How a record is removed: delete, or archive where the destination can. Default: its usual way.',
    ),
});

const watermarkSchema = z
  .union([
    z.string().min(1),
    z.strictObject({
      field: z.string().min(1).describe('A field that grows with every change.'),
      lag: z
        .union([durationSchema, z.number().positive()])
        .describe(
          'How far before the last watermark every run reads again, for records that come late: a duration such as 5m for times, a number for numbers.',
        ),
    }),
  ])
  .describe('A field that grows with every change. Without it every run reads everything.');

/** Schema of the limits on record errors as a project file writes them. A run that passes one fails early. */
export const stopAfterSchema = z
  .strictObject({
    errors: z.number().int().min(0).optional().describe('Most record errors of a run.'),
    fraction: z
      .number()
      .min(0)
      .max(1)
      .optional()
      .describe(
        'Greatest share of record errors among the imported records; it counts from 100 imported records on, or at the end.',
      ),
  })
  .refine(
    ({ errors, fraction }) => errors !== undefined || fraction !== undefined,
    'must have errors, fraction or both',
  );

/** Schema of one sync of a project file (DESIGN section 7). */
export const syncSchema = z.strictObject({
  source: z.looseObject({
    connection: idSchema,
    stream: z.string().min(1),
    key: keySchema,
    watermark: watermarkSchema.optional(),
  }),
  destination: z.looseObject({
    connection: idSchema,
    stream: z.string().min(1),
    key: keySchema,
  }),
  mode: z.enum(modes).describe('Which of create, update and remove the sync may do.'),
  fields: anyNames(mappedFieldSourceSchema)
    .optional()
    .describe('Destination field → source field, { expr }, { value } or { lookup }.'),
  where: z
    .string()
    .min(1)
    .optional()
    .describe('A CEL condition over source fields; other records are skipped.'),
  match: z
    .strictObject({ caseInsensitive: z.boolean().default(false), trim: z.boolean().default(false) })
    .prefault({})
    .describe('How text keys are compared. Default: exactly.'),
  removal: removalSchema.prefault({}).describe('What a mirror removes, and when it asks first.'),
  stopAfter: stopAfterSchema
    .optional()
    .describe(
      'A run with more record errors than either bound fails early. Default: it goes on, whatever the number.',
    ),
  schedule: scheduleSchema.optional(),
});

/** A checked sync. A key may be one field or a list; `keyFields` turns it into a list. */
export type SyncSpec = z.infer<typeof syncSchema>;

/** Returns a key as a list of fields. */
export function keyFields(key: string | readonly string[]): readonly string[] {
  return typeof key === 'string' ? [key] : key;
}

/** Returns the watermark of a source as field and lag. */
export function watermarkOf(
  source: SyncSpec['source'],
): { readonly field: string; readonly lag?: string | number } | undefined {
  return typeof source.watermark === 'string' ? { field: source.watermark } : source.watermark;
}

/** Returns the stream of `source:` or `destination:`, and those of its options that are the connector's own. */
export function streamAndOptions(side: SyncSpec['source'] | SyncSpec['destination']): {
  readonly stream: string;
  readonly options: Readonly<Record<string, unknown>>;
} {
  const { connection: _c, stream, key: _k, watermark: _w, ...options } = side;
  return { stream, options };
}
