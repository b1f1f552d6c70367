import type { Value } from '../../../model/record.ts';
import type { WriteOperation, WriteResult } from '../../contract/records.ts';
import type { Echo } from './echo.ts';
import { at } from '../paths.ts';

const longest = 300;
const fieldName = /^[\w.[\]-]{1,100}$/;
const messagePaths = [
  'message',
  'error.message',
  'error_description',
  'detail',
  'errors.0.message',
  'errors.0.detail',
  'errors.0',
  'error',
  'title',
];
const fieldPaths = ['field', 'error.field', 'errors.0.field', 'errors.0.path'];

/**
 * The API's own short word on why it refused a record, without the record's values: quoted texts and texts
 * that were sent, as they are or escaped, are left out, the rest is cut at 300 characters (R1).
 */
export function refusal(
  body: Value,
  status: number,
  sent: Echo,
): { message: string; field?: string } {
  const said = typeof body === 'string' ? body : firstText(body, messagePaths);
  const field = firstText(body, fieldPaths);
  const message = said === undefined ? '' : withoutValues(said, sent);
  return {
    message: message === '' ? `the API refused the record (${status})` : message,
    ...(field !== undefined &&
      fieldName.test(field) &&
      withoutValues(field, sent) === field && { field }),
  };
}

/**
 * The result that a status means for one record, whether it is that of its own call or of its item in a bulk call. A 404
 * is success for a removal.
 * @param sent all that the call sent
 */
export function resultOf(
  status: number,
  body: Value,
  operation: WriteOperation,
  sent: Echo,
  id: string | undefined,
): WriteResult {
  if (status < 300 || (status === 404 && operation.operation === 'remove'))
    return id === undefined ? { ok: true } : { ok: true, id };
  const kind =
    status === 429 ? 'limited' : status === 408 || status >= 500 ? 'transient' : 'record';
  return { ok: false, class: kind, code: `http_${status}`, ...refusal(body, status, sent) };
}

function firstText(body: Value, paths: readonly string[]): string | undefined {
  for (const path of paths) {
    const value = at(body, path);
    if (typeof value === 'string' && value !== '') return value;
  }
  return undefined;
}

function withoutValues(text: string, sent: Echo): string {
  const clean = sent.blank(text).replace(/"[^"]*"|`[^`]*`|“[^”]*”|(?<!\w)'[^']*'(?!\w)/g, '…');
  return clean.replace(/\s+/g, ' ').trim().slice(0, longest);
}
