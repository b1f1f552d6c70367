import { sql } from 'kysely';

/**
 * Many byte strings as one parameter: an array of them would travel as hexadecimal text. Use as a table
 * `(at int, bytes bytea)`, `at` from 1, in order.
 */
export function packed(all: readonly Buffer[]) {
  const bytes = Buffer.concat(all);
  const starts: number[] = [];
  const lengths: number[] = [];
  let start = 1;
  for (const { length } of all) {
    starts.push(start);
    lengths.push(length);
    start += length;
  }
  return sql`(select p.at::int as at, substring(${bytes}::bytea from p.start for p.length) as bytes
    from unnest(${listed(starts)}::int[], ${listed(lengths)}::int[]) with ordinality as p (start, length, at))`;
}

/** Numbers, numbers as text, or truths as one parameter; an array would be looked through for what needs quotes. */
export function listed(values: readonly (string | number | boolean | null)[]) {
  return sql`${`{${values.map((value) => value ?? 'NULL').join(',')}}`}`;
}
