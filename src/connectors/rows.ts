import type { JsonObject } from '../model/json.ts';
import { own } from '../model/own.ts';
import type { Value } from '../model/record.ts';

/** What is asked for of records. */
export interface Wanted {
  /** Fields, in order. */
  readonly fields: readonly string[];
  /** All other fields too, after them. Default false. */
  readonly rest?: boolean | undefined;
}

/**
 * Records as rows of the fields that are wanted; the others come in the order in which they first appear, and are
 * undefined in a record that lacks them.
 * @param valueOf a field that was asked for. Default: what the record holds under the name
 */
export function rowsOf(
  records: readonly JsonObject[],
  { fields, rest = false }: Wanted,
  valueOf: (record: JsonObject, field: string) => Value = own,
): { readonly names: readonly string[]; readonly rows: readonly (readonly Value[])[] } {
  const others = rest ? othersOf(records, new Set(fields)) : [];
  const rows = records.map((record) => [
    ...fields.map((field) => valueOf(record, field)),
    ...others.map((field) => own(record, field)),
  ]);
  return { names: [...fields, ...others], rows };
}

function othersOf(records: readonly JsonObject[], asked: ReadonlySet<string>): string[] {
  const others = new Set<string>();
  for (const record of records)
    for (const name of Object.keys(record)) if (!asked.has(name)) others.add(name);
  return [...others];
}
