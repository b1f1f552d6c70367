import { z } from 'zod';
import { anyNames } from '../../model/any-names.ts';
import { durationSchema } from '../../model/duration.ts';
import { paginationSchema } from './pagination-settings.ts';

const text = z.string().min(1);
const params = z.record(text, z.union([z.string(), z.number(), z.boolean()]));

const address = z
  .url({ protocol: /^https?$/ })
  .refine((url) => !/^https?:\/\/[^/?#]*@/i.test(url), 'credentials belong into auth');

const fieldTypes = [
  'text',
  'integer',
  'decimal',
  'float',
  'boolean',
  'date',
  'time',
  'timestamp',
  'timestamptz',
  'json',
  'bytes',
  'array',
  'unknown',
] as const;

const oauth2 = {
  type: z.literal('oauth2'),
  tokenUrl: address.describe('Where tokens are issued.'),
  clientId: text.describe('The client id.'),
  scope: text.optional().describe('The scope to ask for.'),
  address: text
    .optional()
    .describe(
      "Dotted path of the API's base address in the answer with the token, such as instance_url: it takes the place of the origin of url.",
    ),
};

const authSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('bearer'), token: text.describe('The token.') }),
  z.strictObject({
    type: z.literal('basic'),
    username: z.string().describe('The user name.'),
    password: z.string().describe('The password.'),
  }),
  z.strictObject({
    type: z.literal('header'),
    name: text.describe('The header, such as X-Api-Key.'),
    value: text.describe('Its value.'),
  }),
  z.strictObject({
    type: z.literal('query'),
    name: text.describe('The query parameter, such as api_key.'),
    value: text.describe('Its value.'),
  }),
  z.discriminatedUnion('grant', [
    z.strictObject({
      ...oauth2,
      grant: z
        .literal('client_credentials')
        .optional()
        .describe('The client asks for itself. The default.'),
      clientSecret: text.describe('The client secret.'),
    }),
    z.strictObject({
      ...oauth2,
      grant: z.literal('refresh_token').describe('A person has allowed access once.'),
      clientSecret: text.optional().describe('The client secret. Absent: a public client.'),
      refreshToken: text.describe(
        'The refresh token to begin with. Where the API hands out new ones, the newest is kept.',
      ),
    }),
    z.strictObject({
      ...oauth2,
      grant: z.literal('jwt_bearer').describe('A signed statement says for whom the client acts.'),
      privateKey: text.describe('The RSA key that signs, in PEM.'),
      subject: text.describe('The user that the client acts for.'),
      audience: text
        .optional()
        .describe('Whom the statement is meant for. Default: the origin of tokenUrl.'),
    }),
  ]),
]);

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

const bulkSchema = z
  .strictObject({
    size: z.number().int().min(1).describe('Most records in one call.'),
    wrap: text.optional().describe('Property of the body that holds the list. Default: the body.'),
    item: z
      .enum(['record', 'key', 'id'])
      .default('record')
      .describe('What the list holds: the records (for delete: their key fields), keys, or ids.'),
    results: z
      .string()
      .optional()
      .describe("Dotted path of the results per record; '': the body. Absent: all or nothing."),
    match: z
      .enum(['order', 'key', 'trace'])
      .default('order')
      .describe('Results are in the order of the request, or carry the key, or the id in trace.'),
    trace: text
      .optional()
      .describe(
        'With match: trace, the property of each record that carries an id made for the call, and dotted path of it in a result, such as objectWriteTraceId.',
      ),
    errors: text
      .optional()
      .describe('Dotted path of the failures per record, where they stand apart from results.'),
    errorTrace: text
      .optional()
      .describe('Dotted path of trace, or a list of them, in a failure. Default: as in a result.'),
    status: text.default('status').describe('Dotted path of the HTTP status in a result.'),
    error: text.default('error').describe('Dotted path of the error in a result.'),
    id: text.optional().describe("Dotted path of the record's id in a result."),
  })
  .refine(({ match, trace }) => (match === 'trace') === (trace !== undefined), {
    path: ['trace'],
    error: 'match: trace and trace go together',
  })
  .refine(({ match, item }) => match !== 'trace' || item === 'record', {
    path: ['item'],
    error: 'only records carry a trace',
  })
  .refine(({ match, errors }) => match !== 'order' || errors === undefined, {
    path: ['errors'],
    error: 'failures that stand apart have no order: match by key or trace',
  });

function callParts(method: 'POST' | 'PUT' | 'PATCH' | 'DELETE') {
  return {
    method: z
      .enum(['POST', 'PUT', 'PATCH', 'DELETE'])
      .default(method)
      .describe(`Default ${method}.`),
    path: text.describe('Path of the call; {key}, {id} and {field} stand for the record.'),
    bulk: bulkSchema.optional().describe('Many records in one call.'),
  };
}

function writeSchema(method: 'POST' | 'PUT' | 'PATCH' | 'DELETE') {
  return z
    .strictObject({
      ...callParts(method),
      body: text
        .default('fields')
        .describe('fields: the body is the record; any other name: the property that holds it.'),
      encoding: z
        .enum(['json', 'form'])
        .default('json')
        .describe('form: a form, with brackets for what is nested. Default json.'),
      id: text.optional().describe("Dotted path of the record's id in the answer."),
      idempotencyHeader: text
        .optional()
        .describe('Header that takes a key by which the API recognises a repeated call.'),
    })
    .refine(({ bulk, encoding }) => encoding === 'json' || !bulk || bulk.wrap !== undefined, {
      path: ['encoding'],
      error: 'a list in a form has a name: say bulk.wrap',
    });
}

const archiveSchema = z.strictObject({
  ...callParts('POST'),
  send: z
    .record(text, z.json())
    .optional()
    .describe('Body of a call for one record, such as { archived: true }. Default: none.'),
});

const fieldSchema = z.union([
  z.enum(fieldTypes),
  z
    .strictObject({
      type: z.enum(fieldTypes).default('unknown').describe('The type of its values.'),
      label: text.optional().describe('The name that people see.'),
      readable: z
        .boolean()
        .optional()
        .describe('false: the API never tells its values. Default true.'),
      creatable: z.boolean().optional().describe('false: a create may not set it. Default true.'),
      updatable: z
        .boolean()
        .optional()
        .describe('false: an update may not change it. Default true.'),
      required: z.boolean().optional().describe('true: a create must set it. Default false.'),
      unique: z
        .boolean()
        .optional()
        .describe('true: no two records have the same value. Default false.'),
      values: z
        .array(text)
        .min(1)
        .optional()
        .describe('The only texts that it takes. Default: any.'),
    })
    .refine(({ creatable, required }) => required !== true || creatable !== false, {
      path: ['required'],
      error: 'a create cannot set what it must',
    }),
]);

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
  url: address.describe('Base address; every path is added to it.'),
  auth: authSchema.optional().describe('How calls are authenticated.'),
  headers: z.record(text, z.string()).optional().describe('Headers of every call.'),
  timeout: durationSchema.default('30s').describe('Longest a call may take. Default 30s.'),
  quota: z
    .strictObject({
      requests: z.number().int().min(1).optional().describe('Calls allowed per window.'),
      per: durationSchema.default('1s').describe('Length of the window. Default 1s.'),
      concurrency: z.number().int().min(1).optional().describe('Most calls at once.'),
    })
    .optional()
    .describe('What the API allows, shared by all workers.'),
  streams: z.record(text, streamSchema).describe('The lists of records the API has.'),
});

export type HttpSettings = z.infer<typeof settingsSchema>;
export type StreamSettings = z.infer<typeof streamSchema>;
export type ReadSettings = z.infer<typeof readSchema>;
export type LookupSettings = z.infer<typeof lookupSchema>;
/** A call that writes records, or archives or restores them. */
export type WriteSettings = z.infer<typeof archiveSchema> &
  Partial<
    Pick<z.infer<ReturnType<typeof writeSchema>>, 'body' | 'encoding' | 'id' | 'idempotencyHeader'>
  >;
export type BulkSettings = z.infer<typeof bulkSchema>;
export type Params = z.infer<typeof params>;
