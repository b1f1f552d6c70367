import { z } from 'zod';

const text = z.string().min(1);

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

/** The schema of a call that writes. @param method the usual one */
export function writeSchema(method: 'POST' | 'PUT' | 'PATCH' | 'DELETE') {
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
      ifMatch: text
        .optional()
        .describe(
          'Dotted path of the ETag in a record that is looked up. Updates of two-way systems send it in If-Match; 412 leaves the record to be read first.',
        ),
    })
    .refine(({ bulk, ifMatch }) => ifMatch === undefined || !bulk, {
      path: ['ifMatch'],
      error: 'If-Match is about one record, not a list',
    })
    .refine(({ bulk, encoding }) => encoding === 'json' || !bulk || bulk.wrap !== undefined, {
      path: ['encoding'],
      error: 'a list in a form has a name: say bulk.wrap',
    });
}

/** The schema of a call that archives records, or brings them back. */
export const archiveSchema = z.strictObject({
  ...callParts('POST'),
  send: z
    .record(text, z.json())
    .optional()
    .describe('Body of a call for one record, such as { archived: true }. Default: none.'),
});

/** A call that writes records, or archives or restores them. */
export type WriteSettings = z.infer<typeof archiveSchema> &
  Partial<
    Pick<
      z.infer<ReturnType<typeof writeSchema>>,
      'body' | 'encoding' | 'id' | 'idempotencyHeader' | 'ifMatch'
    >
  >;
/** The part of such a call that says how it takes many records. */
export type BulkSettings = z.infer<typeof bulkSchema>;
