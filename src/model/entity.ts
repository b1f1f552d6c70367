import { z } from 'zod';
import { anyNames } from './any-names.ts';
import { durationSchema } from './duration.ts';
import { modes } from './mode.ts';
import {
  fieldSourceSchema,
  mappedFieldSourceSchema,
  idSchema,
  keySchema,
  removalSchema,
  scheduleSchema,
  stopAfterSchema,
} from './sync.ts';

/** The types that a field of an entity can have. */
export const entityFieldTypes = [
  'text',
  'number',
  'integer',
  'boolean',
  'date',
  'timestamp',
  'json',
] as const;

/** The type of an entity's field. */
export type EntityFieldType = (typeof entityFieldTypes)[number];

/**
 * Schema of a field's name. It starts with a letter: names that begin with `_` are Sluice's own, such as `_id` (the
 * record's id) and `_ids` (its ids by system).
 */
const fieldName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_]{0,62}$/, 'must be letters, digits and _, starting with a letter');

const entityFieldSchema = z
  .union([
    z.enum(entityFieldTypes),
    z.strictObject({
      type: z.enum(entityFieldTypes),
      expr: z.string().min(1).describe('A CEL expression over other fields of the entity.'),
    }),
  ])
  .describe(
    'The type of the field; with `expr` it is derived from other fields, and no source sets it.',
  );

/** Schema of one thing that records are compared by: a field, exactly or loosely, or the result of an expression. */
const matchPartSchema = z.union([
  z.string().min(1).describe('A field, compared exactly.'),
  z.strictObject({
    field: z.string().min(1),
    caseInsensitive: z.boolean().default(false),
    trim: z.boolean().default(false),
  }),
  z.strictObject({
    expr: z.string().min(1).describe('A CEL expression over fields of the entity.'),
  }),
]);

const matchRulesSchema = z
  .array(z.array(matchPartSchema).min(1))
  .min(1)
  .describe('Alternatives in order; all parts of one must be equal, and none empty.');

const deletedSchema = z
  .union([
    z.string().min(1).describe('A CEL condition over source fields: the record is deleted.'),
    z.strictObject({
      stream: z.string().min(1).describe('A stream of deleted records.'),
      id: z.string().min(1).describe('Its field that holds the id of the deleted record.'),
      watermark: z.string().min(1),
    }),
    z.strictObject({
      scan: durationSchema.describe(
        'How often all ids are read: a record whose id is gone is deleted.',
      ),
      guard: removalSchema.shape.guard,
    }),
  ])
  .describe('How a deleted record is told. Default: deletes are not seen.');

const entitySourceSchema = z.strictObject({
  source: z.looseObject({
    connection: idSchema,
    stream: z.string().min(1),
    id: z.string().min(1).describe("The field that holds the system's own id of a record."),
    watermark: z
      .string()
      .min(1)
      .optional()
      .describe('A field that grows with every change; records are processed in its order.'),
    batch: z
      .number()
      .int()
      .min(1)
      .max(1_000_000)
      .default(10_000)
      .describe('Most records of a cycle. Default 10000.'),
    full: z
      .boolean()
      .default(false)
      .describe('Read everything again and again, for systems that cannot sort by a watermark.'),
  }),
  where: z
    .string()
    .min(1)
    .optional()
    .describe('A CEL condition over source fields; other records are skipped.'),
  attach: matchRulesSchema
    .optional()
    .describe('How a new source record finds its record. Default: it makes a new one.'),
  fields: z
    .record(fieldName, fieldSourceSchema)
    .describe('Entity field → source field, { expr } or { value }.'),
  deleted: deletedSchema.optional(),
});

const authoritySchema = z.union([
  z.literal('latest').describe('The newest change by source watermark.'),
  z.strictObject({
    ranked: z
      .array(idSchema)
      .min(1)
      .describe('Sources, first wins, where several set the field in one cycle; else the newest.'),
    standing: z
      .boolean()
      .optional()
      .describe('Whether the rank counts between cycles too, whatever is newer. Default false.'),
  }),
  z.strictObject({ owner: idSchema.describe('The only source that ever sets the field.') }),
]);

const policySchema = z.union([
  z
    .enum(['fill', 'newest', 'never'])
    .describe(
      'fill: an empty field takes the value of the loser; newest: the newer value stays; never: the winner stays as it is.',
    ),
  z.strictObject({
    ranked: z.array(idSchema).min(1).describe('The value of the source that comes first stays.'),
  }),
]);

const winnerSchema = z.union([
  z.enum(['oldest', 'newest', 'complete']),
  z.strictObject({ ranked: z.array(idSchema).min(1) }),
  z.strictObject({
    expr: z.string().min(1).describe('A CEL expression over the fields: the greatest value wins.'),
  }),
]);

const mergeSchema = z.strictObject({
  match: matchRulesSchema.describe('Records are duplicates that are equal by one of the rules.'),
  winner: winnerSchema.default('oldest').describe('Which record of a group stays.'),
  default: policySchema.default('fill').describe('What becomes of the fields of the losers.'),
  override: z
    .record(fieldName, policySchema)
    .optional()
    .describe('Fields that follow another policy.'),
  deleteLosers: z
    .boolean()
    .default(false)
    .describe("Whether the losers' records are removed at the destinations, whatever their mode."),
  guard: z
    .number()
    .int()
    .min(2)
    .default(20)
    .describe('Larger groups are not merged, but reported. Default 20.'),
  report: z.boolean().default(false).describe('Only report what would merge.'),
});

const entityDestinationSchema = z.strictObject({
  destination: z.looseObject({
    connection: idSchema,
    stream: z.string().min(1),
    id: z
      .string()
      .min(1)
      .optional()
      .describe(
        "The field that holds the system's own id; default: the id of the source of the same name.",
      ),
    key: keySchema
      .optional()
      .describe('The fields by which a record is found that has no id there yet.'),
  }),
  mode: z.enum(modes),
  where: z
    .string()
    .min(1)
    .optional()
    .describe('A CEL condition over the fields of the entity; other records are not written.'),
  fields: anyNames(mappedFieldSourceSchema)
    .optional()
    .describe(
      'Destination field → entity field, { expr }, { value } or { lookup }. Default: all fields.',
    ),
  remove: z
    .literal('written')
    .optional()
    .describe(
      'Whatever the mode: when a record is deleted, what Sluice made of it there is removed; nothing else ever is.',
    ),
  removal: removalSchema.shape.guard
    .unwrap()
    .optional()
    .describe('How many records are removed without asking.'),
  stopAfter: stopAfterSchema.optional(),
});

/** Schema of one entity of a project file (DESIGN section 7). */
export const entitySchema = z.strictObject({
  fields: z.record(fieldName, entityFieldSchema),
  sources: z.record(idSchema, entitySourceSchema),
  authority: z.record(fieldName, authoritySchema).default({}),
  ambiguous: z
    .enum(['error', 'oldest', 'updated', 'complete'])
    .default('error')
    .describe(
      'What a new source record attaches to that matches several: none (a record error), the oldest, the most recently updated or the most complete.',
    ),
  merge: mergeSchema.optional(),
  deletes: z
    .enum(['any', 'all', 'never'])
    .default('never')
    .describe("Which sources' deletes delete the record: any of them, only all, or none."),
  destinations: z.record(idSchema, entityDestinationSchema).default({}),
  encrypted: z
    .boolean()
    .default(true)
    .describe('Whether values rest encrypted in the state database. Default true.'),
  history: z
    .strictObject({ keep: durationSchema })
    .optional()
    .describe('How long the transaction log is kept. Default: for ever.'),
  schedule: scheduleSchema.optional(),
});

/** A checked entity. */
export type EntitySpec = z.infer<typeof entitySchema>;
/** A checked source of an entity. */
export type EntitySourceSpec = z.infer<typeof entitySourceSchema>;
/** A checked destination of an entity. */
export type EntityDestinationSpec = z.infer<typeof entityDestinationSchema>;
/** Match rules: alternatives in order. */
export type MatchRules = z.infer<typeof matchRulesSchema>;
/** One part of a match rule. */
export type MatchPart = z.infer<typeof matchPartSchema>;
/** The rule that decides which source's value a field keeps. */
export type AuthoritySpec = z.infer<typeof authoritySchema>;
/** The rules by which duplicates are found and merged. */
export type MergeSpec = z.infer<typeof mergeSchema>;
/** The rule by which the winner of a merge takes a field from the losers. */
export type MergePolicy = z.infer<typeof policySchema>;

/** The field of an entity's change log that holds the record's id. */
export const recordIdField = '_id';
/** The field of an entity's change log that holds the record's ids by system. */
export const systemIdsField = '_ids';
