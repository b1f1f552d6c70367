import type { RecordId } from '../../model/golden-record.ts';
import type { KeyValues } from '../../model/record.ts';

/** Compares two ids as numbers, for sorting. */
export function compareIds(a: RecordId, b: RecordId): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : Number(a > b);
}

/**
 * Returns the record that an operation's key names, when operations are addressed by the ids of an entity's records.
 */
export function recordIdOf([id]: KeyValues): RecordId {
  return typeof id === 'string' ? id : JSON.stringify(id);
}
