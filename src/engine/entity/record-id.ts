import type { RecordId } from '../../model/golden-record.ts';

/** Compares two ids as numbers, for sorting. */
export function compareIds(a: RecordId, b: RecordId): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : Number(a > b);
}
