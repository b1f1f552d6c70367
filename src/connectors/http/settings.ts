import { z } from 'zod';
import { anyNames } from '../../model/any-names.ts';
import { durationSchema } from '../../model/duration.ts';
import { quotaSchema } from '../kit/quota-settings.ts';
import { addressSchema } from './address-settings.ts';
import { authSchema } from './auth-settings.ts';
import { fieldSchema } from './field-settings.ts';
import { paginationSchema } from './pagination-settings.ts';
import { archiveSchema, writeSchema } from './write-settings.ts';

const text = z.string().min(1);
const params = z.record(text, z.union([z.string(), z.number(), z.boolean()]));

const readSchema = z
  .strictObject({
    path: text.describe('Path of the list, added to url.'),
    method: z
      .enum(['GET', 'POST'])
      .default('GET')
      .describe(
        'POST: size, page or cursor, and watermark are written into the body, their parameters are dotted paths of it. Default GET.',
      ),
    body: z
      .record(text, z.json())
      .optional()
      .describe('With POST: the body of every call, such as a search. Default: nothing more.'),
    params: params.optional().describe('Query parameters of every call.'),
    records: z
      .string()
      .default('')
      .describe("Dotted path of the list in the answer; '': the body."),
    pagination: paginationSchema.prefault({ type: 'none' }).describe('How the list is paged.'),
    incremental: z
      .strictObject({
        parameter: text.describe(
          'Query parameter that takes the watermark, such as updated_since.',
        ),
        sorted: z
          .boolean()
          .default(false)
          .describe(
            'The list comes sorted by the watermark, oldest first, records without one last; proved while it is read. An entity asks for it. Default false.',
          ),
        highest: z
          .strictObject({
            params: params.describe('Parameters that return the newest record first.'),
          })
          .optional()
          .describe('How the highest watermark is read: one call, its first record counts.'),
      })
      .optional()
      .describe('How to read only what changed. The API may also return records equal to it.'),
  })
  .refine(({ body, method }) => body === undefined || method === 'POST', {
    path: ['body'],
    error: 'only a POST has a body',
  })
  .refine(({ method, pagination }) => method === 'GET' || pagination.type !== 'link', {
    path: ['method'],
    error: 'a link to the next page is asked for by GET',
  });

const lookupSchema = z.strictObject({
  path: text.describe('Path of the call; {key} or {field} stand for the key of a single record.'),
  method: z.enum(['GET', 'POST']).default('GET').describe('Default GET.'),
  batch: z.number().int().min(1).default(1).describe('Most keys in one call. Default 1.'),
  params: params.optional().describe('Query parameters of every call.'),
  parameter: text.optional().describe('Query parameter that takes the keys, repeated per key.'),
  separator: text
    .optional()
    .describe('With parameter: put the keys into one parameter, separated by this.'),
  body: z
    .json()
    .optional()
    .describe('Body of the call; the text "{keys}" in it becomes the list of keys.'),
  records: z
    .string()
    .default('')
    .describe("Dotted path of the list, or of the one record, in the answer; '': the body."),
});

const streamSchema = z
  .strictObject({
    key: z
      .union([text, z.array(text).min(1)])
      .optional()
      .describe('The field(s) that identify a record.'),
    id: text.optional().describe("Dotted path of the API's own id in a record."),
    fields: anyNames(fieldSchema)
      .optional()
      .describe(
        'The fields: each its type, or its type and what the API says of it. Absent: the first page is sampled.',
      ),
    leastRecords: z
      .number()
      .int()
      .min(0)
      .optional()
      .describe(
        'The fewest records that removals must leave: a mirror that would leave fewer waits for approval. Default 0.',
      ),
    read: readSchema.optional().describe('How all records are listed.'),
    lookup: lookupSchema.optional().describe('How records are found by key.'),
    lookupById: lookupSchema
      .optional()
      .describe(
        "How records are found by the API's own id. Default: lookup, where that is the key.",
      ),
    create: writeSchema('POST').optional().describe('How a record is created.'),
    update: writeSchema('PATCH').optional().describe('How a record is updated.'),
    upsert: writeSchema('PUT').optional().describe('How a record is created or replaced by key.'),
    delete: writeSchema('DELETE').optional().describe('How a record is removed for good.'),
    archive: archiveSchema
      .optional()
      .describe('How a record is archived: how records are removed unless removal.by is delete.'),
    archived: text
      .optional()
      .describe(
        'Dotted path of what a record has while it is archived: true, or a time. An archived record is found and brought back by restore.',
      ),
    restore: archiveSchema
      .omit({ bulk: true })
      .optional()
      .describe('How an archived record is brought back, before it is updated.'),
  })
  .refine(({ archived, restore }) => (archived === undefined) === (restore === undefined), {
    path: ['restore'],
    error: 'archived and restore go together',
  });

/** Settings of an `http` connection: where the API is, and what its streams can do. */
export const settingsSchema = z.strictObject({
  url: addressSchema.describe('Base address; every path is added to it.'),
  auth: authSchema.optional().describe('How calls are authenticated.'),
  headers: z.record(text, z.string()).optional().describe('Headers of every call.'),
  timeout: durationSchema.default('30s').describe('Longest a call may take. Default 30s.'),
  quota: quotaSchema.optional().describe('What the API allows, shared by all workers.'),
  streams: z.record(text, streamSchema).describe('The lists of records the API has.'),
});

export type HttpSettings = z.infer<typeof settingsSchema>;
export type StreamSettings = z.infer<typeof streamSchema>;
export type ReadSettings = z.infer<typeof readSchema>;
export type LookupSettings = z.infer<typeof lookupSchema>;
export type Params = z.infer<typeof params>;
