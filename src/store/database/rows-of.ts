import { sql, type RawBuilder } from 'kysely';
import type { Blobs } from '../sealing/blobs.ts';

/** Values of a column that need no quotes in an array's text. */
interface Plain {
  readonly type: 'bigint' | 'boolean' | 'float8';
  readonly values: readonly (string | number | boolean | null)[];
}

/** Names of Sluice's own: without quotes or backslashes. */
interface Names {
  readonly type: 'text';
  readonly values: readonly string[];
}

/** The values of one column, one a row. */
type Column = readonly (Buffer | null)[] | Blobs | Plain | Names;

/**
 * Many rows as a table of a query: one column each, and `at`, the row's number from 1. Byte strings go as one
 * parameter, since an array of them would travel as hexadecimal text; of an array the server knows the length, so that
 * it plans for as many rows.
 */
export function rowsOf(columns: Readonly<Record<string, Column>>): RawBuilder<unknown> {
  const arrays: RawBuilder<unknown>[] = [];
  const names: RawBuilder<unknown>[] = [];
  const values: RawBuilder<unknown>[] = [];
  let count = 0;
  const add = (name: string, { type, values: all }: Plain | Names): RawBuilder<unknown> => {
    arrays.push(sql`${type === 'text' ? quoted(all) : listed(all)}::${sql.raw(type)}[]`);
    names.push(sql.ref(name));
    return sql.ref(`u.${name}`);
  };
  for (const [name, column] of Object.entries(columns)) {
    if ('type' in column) {
      values.push(sql`${add(name, column)} as ${sql.ref(name)}`);
      continue;
    }
    const blobs = 'bytes' in column ? column : joined(column);
    if (typeof blobs.lengths === 'number') count = blobs.bytes.length / blobs.lengths;
    const value = bytesOf(blobs, (part, of) => add(name + part, of));
    values.push(sql`${value} as ${sql.ref(name)}`);
  }
  const from =
    arrays.length > 0
      ? sql`unnest(${sql.join(arrays)}) with ordinality as u (${sql.join(names)}, at)`
      : sql`generate_series(1, ${count}::int) as u (at)`;
  return sql`(select u.at::int as at, ${sql.join(values)} from ${from})`;
}

/** Each a part of all bytes together; a length that is null makes a null of it. */
function bytesOf(
  { bytes, lengths, starts }: Blobs,
  add: (part: string, of: Plain) => RawBuilder<unknown>,
): RawBuilder<unknown> {
  if (typeof lengths === 'number')
    return sql`substring(${bytes}::bytea from (u.at::int - 1) * ${lengths}::int + 1 for ${lengths}::int)`;
  const start = add('_start', { type: 'bigint', values: starts ?? oneAfterTheOther(lengths) });
  const length = add('_length', { type: 'bigint', values: lengths });
  return sql`substring(${bytes}::bytea from ${start}::int + 1 for ${length}::int)`;
}

function oneAfterTheOther(lengths: readonly (number | null)[]): number[] {
  let end = 0;
  return lengths.map((length) => {
    const start = end;
    end += length ?? 0;
    return start;
  });
}

function joined(all: readonly (Buffer | null)[]): Blobs {
  return {
    bytes: Buffer.concat(all.filter((each) => each !== null)),
    lengths: all.map((each) => each?.length ?? null),
  };
}

/** An array as one text: left to the driver, each value would be looked through for what needs quotes. */
export function listed(values: Plain['values']): string {
  return `{${values.map((value) => value ?? 'NULL').join(',')}}`;
}

function quoted(names: readonly string[]): string {
  return `{${names.map((name) => `"${name}"`).join(',')}}`;
}

/** Looks at indexes where a planner that knows little of fresh tables would read them whole; until the transaction ends. */
export const byIndex = sql`select set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)`;
