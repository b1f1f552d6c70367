import { isJsonObject, type Json } from '../../model/json.ts';
import type { Value, KeyValues } from '../../model/record.ts';
import type { WriteOperation, WriteResult } from '../destination.ts';
import { at } from './path.ts';

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
  operations: readonly WriteOperation[],
): { message: string; field?: string } {
  const said = typeof body === 'string' ? body : firstText(body, messagePaths);
  const field = firstText(body, fieldPaths);
  const message = said === undefined ? '' : withoutValues(said, operations);
  return {
    message: message === '' ? `the API refused the record (${status})` : message,
    ...(field !== undefined &&
      fieldName.test(field) &&
      withoutValues(field, operations) === field && { field }),
  };
}

/** What a status means for one record: of a single call, or of one item of a bulk call. */
export function resultOf(
  status: number,
  body: Value,
  operation: WriteOperation,
  id: string | undefined,
): WriteResult {
  if (status < 300 || (status === 404 && operation.operation === 'remove'))
    return id === undefined ? { ok: true } : { ok: true, id };
  const kind =
    status === 429 ? 'limited' : status === 408 || status >= 500 ? 'transient' : 'record';
  return { ok: false, class: kind, code: `http_${status}`, ...refusal(body, status, [operation]) };
}

function firstText(body: Value, paths: readonly string[]): string | undefined {
  for (const path of paths) {
    const value = at(body, path);
    if (typeof value === 'string' && value !== '') return value;
  }
  return undefined;
}

function withoutValues(text: string, operations: readonly WriteOperation[]): string {
  let clean = text.replace(/"[^"]*"|`[^`]*`|“[^”]*”|(?<!\w)'[^']*'(?!\w)/g, '…');
  const sent = operations.flatMap(({ key, values }) => texts([...key, ...Object.values(values)]));
  const forms = new Set(sent.flatMap((value) => [value, ...escapes(value)]));
  for (const form of [...forms].toSorted((a, b) => b.length - a.length))
    clean = without(clean, form);
  return clean.replace(/\s+/g, ' ').trim().slice(0, longest);
}

/** A value as it stands in a JSON text or in an address. */
function escapes(value: string): string[] {
  // A text that is cut within a character has no form in an address: bytes have.
  const wellFormed = Buffer.from(value).toString();
  return [JSON.stringify(value).slice(1, -1), encodeURIComponent(wellFormed)];
}

function without(text: string, form: string): string {
  if (form.length > text.length) return text;
  if (form.length > longest) return text.replaceAll(form, '…');
  return text.replace(new RegExp(form.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), 'gi'), '…');
}

/** The texts and numbers in values that are long enough to give something away. */
function texts(values: KeyValues): string[] {
  return values.flatMap((value: Json): string[] => {
    if (Array.isArray(value)) return texts(value);
    if (isJsonObject(value)) return texts(Object.values(value));
    const text = value === null || typeof value === 'boolean' ? '' : String(value);
    return text.length >= 4 ? [text] : [];
  });
}
