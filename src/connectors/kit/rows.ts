import type { JsonObject } from '../../model/json.ts';
import { own } from '../../model/own.ts';
import type { Value } from '../../model/record.ts';

/** What is asked for of records. */
export interface Wanted {
  /** Fields, in order. */
  readonly fields: readonly string[];
  /** All other fields too, after them. Default false. */
  readonly rest?: boolean | undefined;
}

/** Rows of the same fields. */
export interface Rows {
  readonly names: readonly string[];
  readonly rows: readonly (readonly Value[])[];
}

/** So many cells may be empty before records with other fields are rows of their own. */
const mostEmpty = 10_000;

/**
 * Records as rows of the fields that are wanted; the others come in the order in which they first appear, and are
 * undefined in a record that lacks them.
 * @param valueOf a field that was asked for. Default: what the record holds under the name
 */
export function rowsOf(
  records: readonly JsonObject[],
  wanted: Wanted,
  valueOf: (record: JsonObject, field: string) => Value = own,
): Rows {
  const others = new Set<string>();
  const namesOf = othersOf(wanted);
  for (const record of records) for (const name of namesOf(record)) others.add(name);
  const rows = records.map((record) => [
    ...wanted.fields.map((field) => valueOf(record, field)),
    ...Array.from(others, (field) => own(record, field)),
  ]);
  return { names: [...wanted.fields, ...others], rows };
}

/** Cuts records where those that follow have so many other fields that most cells of their rows would be empty. */
export function* alike<T>(
  items: readonly T[],
  wanted: Wanted,
  recordOf: (item: T) => JsonObject,
): Generator<readonly T[]> {
  const namesOf = othersOf(wanted);
  let begin = 0;
  let others = new Set<string>();
  let members = 0;
  for (const [at, item] of items.entries()) {
    const names = namesOf(recordOf(item));
    for (const name of names) others.add(name);
    members += names.length;
    const cells = others.size * (at + 1 - begin);
    if (at === begin || cells <= 2 * members + mostEmpty) continue;
    yield items.slice(begin, at);
    begin = at;
    others = new Set(names);
    members = names.length;
  }
  if (begin < items.length) yield items.slice(begin);
}

/** The names of a record's other fields. */
function othersOf({ fields, rest = false }: Wanted): (record: JsonObject) => readonly string[] {
  if (!rest) return () => [];
  const asked = new Set(fields);
  return (record) => Object.keys(record).filter((name) => !asked.has(name));
}
