import type { RecordId } from '../../model/golden-record.ts';
import type { KeyValues } from '../../model/record.ts';

/** Compares two ids as numbers, for sorting. */
export function compareIds(a: RecordId, b: RecordId): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : Number(a > b);
}

/** The record that the key of an operation names, where operations go by the entity's records. */
export function recordIdOf([id]: KeyValues): RecordId {
  return typeof id === 'string' ? id : JSON.stringify(id);
}
