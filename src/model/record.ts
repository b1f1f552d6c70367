import type { Field } from './field.ts';
import type { Json } from './json.ts';

/**
 * The form of the values of a batch.
 *
 * - `sql`: texts as PostgreSQL prints them (ISO dates, `t`/`f`, `\x` hex, `{…}` arrays), null for NULL;
 * - `json`: JSON values, dates as ISO 8601 strings, bytes as base64.
 */
export type Encoding = 'sql' | 'json';

/** One value in flight, as its source gave it; `undefined` when the record lacks the field. */
export type Value = Json | undefined;

/** Records in flight: every row has one value per field, in the order of `fields`. */
export interface RecordBatch {
  readonly encoding: Encoding;
  readonly fields: readonly Field[];
  readonly rows: readonly (readonly Value[])[];
  /** Rows that the source could not give whole: their large values are missing or null. */
  readonly faults?: readonly RowFault[];
}

/** The reason why a row of a batch is not whole. */
export interface RowFault {
  /** The row's index in `rows`. */
  readonly row: number;
  readonly code: string;
  readonly message: string;
}

/** The values of a sync's key, in the order the sync lists the key's fields. */
export type KeyValues = readonly Json[];
