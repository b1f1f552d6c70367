import type { RecordId } from '../../src/model/golden-record.ts';
import type { KeyValues } from '../../src/model/record.ts';

/** The record that the key of an operation names, where operations go by the entity's records. */
export function recordOf([id]: KeyValues): RecordId {
  return typeof id === 'string' ? id : JSON.stringify(id);
}
