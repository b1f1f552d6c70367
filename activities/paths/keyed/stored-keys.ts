import type { Calls } from '../../../src/connectors/contract/calls.ts';
import type { KeyedDestination } from '../../../src/connectors/contract/records.ts';
import type { MappedRecord } from '../../../src/engine/mapping/map-record.ts';
import { toJson } from '../../../src/engine/values/to-json.ts';
import type { KeyMatch } from '../../../src/model/match.ts';
import type { Encoding, KeyValues } from '../../../src/model/record.ts';

/**
 * Returns records with their keys as the destination would store them. Example: a column that rounds to two digits
 * stores 1.231 and 1.229 as one key. Such records are duplicates, and a mirror's scan meets the stored key (R7).
 */
export async function withStoredKeys(
  destination: KeyedDestination,
  match: KeyMatch,
  records: readonly MappedRecord[],
  calls: Calls,
): Promise<readonly MappedRecord[]> {
  const { storedKeys, lookupBatch, encoding = 'json' } = destination;
  if (storedKeys === undefined) return records;
  const given = records.flatMap((record) => ('key' in record ? [record.key] : []));
  const stored: KeyValues[] = [];
  for (let at = 0; at < given.length; at += lookupBatch)
    stored.push(...(await storedKeys.call(destination, given.slice(at, at + lookupBatch), calls)));
  let next = 0;
  return records.map((record) =>
    'key' in record
      ? { ...record, key: decodedKey(stored[next++] ?? record.key, match, encoding) }
      : record,
  );
}

/** Returns a key that a destination has returned, as JSON. */
export function decodedKey(key: KeyValues, { fields }: KeyMatch, encoding: Encoding): KeyValues {
  return key.map((part, at) => {
    const field = fields?.[at];
    return field === undefined ? part : (toJson(part, field, encoding) ?? null);
  });
}
