import type { Calls } from '../../../src/connectors/contract/calls.ts';
import type { Existing, KeyedDestination } from '../../../src/connectors/contract/records.ts';
import type { JsonObject } from '../../../src/model/json.ts';
import type { KeyValues } from '../../../src/model/record.ts';
import { mostCallsAtOnce, runPool } from '../../export/pool.ts';

/** A key to be looked up, and the values that its record is to have. */
export interface WantedKey {
  readonly key: KeyValues;
  /** Absent when only the key is known. */
  readonly values?: JsonObject;
}

/** Returns the records that the destination holds under some keys; none when it cannot be asked. */
export async function lookUp(
  destination: KeyedDestination,
  wanted: readonly WantedKey[],
  calls: Calls,
): Promise<Existing[]> {
  const { lookup, lookupBatch } = destination;
  if (lookup === undefined) return [];
  const found: Existing[][] = Array.from(
    { length: Math.ceil(wanted.length / lookupBatch) },
    () => [],
  );
  const lookUpBatch = async (at: number): Promise<void> => {
    calls.signal.throwIfAborted();
    const batch = wanted.slice(at * lookupBatch, (at + 1) * lookupBatch);
    found[at] = await lookup.call(
      destination,
      batch.map(({ key }) => key),
      calls,
      batch.map(({ values = {} }) => values),
    );
  };
  await runPool([...found.keys()], () => mostCallsAtOnce, lookUpBatch);
  return found.flat();
}
