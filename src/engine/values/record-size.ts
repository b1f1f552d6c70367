import { ExactNumber, isJsonObject, type Json } from '../../model/json.ts';
import type { Value } from '../../model/record.ts';
import { keptOfTooLarge } from '../../model/too-large.ts';

/** Returns the approximate size of a row as JSON text, in bytes. Characters beyond ASCII count as one. */
export function sizeOfRow(row: readonly Value[]): number {
  let size = 0;
  for (const value of row) size += sizeOf(value);
  return size;
}

/**
 * Returns the row without its large values: large texts and lists become null, large objects keep their small members.
 */
export function shrunk(row: readonly Value[]): Value[] {
  return row.map((value) => (value === undefined ? undefined : shrink(value)));
}

function shrink(value: Json): Json {
  if (sizeOf(value) <= keptOfTooLarge) return value;
  if (!isJsonObject(value)) return null;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, shrink(each)]));
}

function sizeOf(value: Value): number {
  if (typeof value === 'string') return value.length + 3;
  if (typeof value !== 'object' || value === null) return 8;
  if (value instanceof ExactNumber) return value.digits.length + 3;
  if (Array.isArray(value)) return value.reduce((sum: number, each) => sum + sizeOf(each), 2);
  return Object.entries(value).reduce(
    (sum, [name, each]) => sum + name.length + 4 + sizeOf(each),
    2,
  );
}
