import { ExactNumber, type Json, type JsonObject } from '../../../model/json.ts';

/** A body that is not JSON, made by {@link formBody}, {@link textBody} or {@link multipartBody}. */
export class EncodedBody {
  readonly content: string | FormData;
  /** Absent: the platform names it, with the boundary of its parts. */
  readonly contentType: string | undefined;

  constructor(content: string | FormData, contentType: string | undefined) {
    this.content = content;
    this.contentType = contentType;
  }
}

/**
 * A form, with brackets for what is nested: `{ metadata: { plan: 'x' }, items: [{ price: 'p' }] }` becomes
 * `metadata[plan]=x&items[0][price]=p`. Numbers keep their digits; null and an empty list become an empty text, by which
 * Stripe clears a value; an empty object says nothing. (Stripe: "Requests are form-encoded, nested by brackets".)
 */
export function formBody(values: JsonObject): EncodedBody {
  const pairs = Object.entries(values).flatMap(([name, value]) => pairsOf(name, value));
  const content = new URLSearchParams(pairs).toString();
  return new EncodedBody(content, 'application/x-www-form-urlencoded');
}

/** A text as it is, such as the rows of a job: `textBody(csv, 'text/csv')`. Sent in UTF-8. */
export function textBody(content: string, contentType: string): EncodedBody {
  return new EncodedBody(content, contentType);
}

/** A file of a multipart body. */
export interface FilePart {
  /** The name of its field, such as `file`. */
  readonly field: string;
  readonly fileName: string;
  readonly content: string;
  /** Such as `text/csv`. */
  readonly contentType: string;
}

/** Files and fields as a browser's form uploads them (`multipart/form-data`), such as the rows of Marketo's bulk import. */
export function multipartBody(
  files: readonly FilePart[],
  fields: Readonly<Record<string, string>> = {},
): EncodedBody {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  for (const { field, fileName, content, contentType } of files)
    form.append(field, new Blob([content], { type: contentType }), fileName);
  return new EncodedBody(form, undefined);
}

function pairsOf(name: string, value: Json): [string, string][] {
  if (value === null) return [[name, '']];
  if (typeof value !== 'object' || value instanceof ExactNumber) return [[name, String(value)]];
  if (Array.isArray(value) && value.length === 0) return [[name, '']];
  // A list has its places for names.
  return Object.entries(value).flatMap(([inner, each]) => pairsOf(`${name}[${inner}]`, each));
}
