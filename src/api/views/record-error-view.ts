import { z } from '@hono/zod-openapi';
import type { KeyValues } from '../../model/record.ts';
import type { RecordError } from '../../model/outcome.ts';
import { shownJson } from './shown-json.ts';

/** A record error, as the API shows it. */
export const recordErrorSchema = z
  .object({
    key: z
      .unknown()
      .describe(
        'The key in the source: a value, a list for a composite key, null where it has none.',
      ),
    operation: z.enum(['create', 'update', 'remove', 'match']),
    code: z.string(),
    message: z.string(),
    field: z.string().optional(),
    retryable: z.boolean(),
  })
  .openapi('RecordError');

/** A record error's JSON. */
export type RecordErrorView = z.infer<typeof recordErrorSchema>;

/** Maps a record error to its JSON. */
export function recordErrorView(error: RecordError): RecordErrorView {
  const { operation, code, message, field, retryable } = error;
  const view = { key: keyView(error.key), operation, code, message, retryable };
  return field === undefined ? view : { ...view, field };
}

/** Returns a key as the API shows it: its only value, or a list. */
export function keyView(key: KeyValues | null): unknown {
  if (key === null) return null;
  const values = key.map(shownJson);
  return values.length === 1 ? values[0] : values;
}
