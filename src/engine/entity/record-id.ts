import type { RecordId } from '../../model/golden-record.ts';

/** Orders ids as the numbers they are. */
export function compareIds(a: RecordId, b: RecordId): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : Number(a > b);
}
