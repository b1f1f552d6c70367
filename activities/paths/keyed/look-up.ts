import type { Calls } from '../../../src/connectors/contract/calls.ts';
import type { Existing, KeyedDestination } from '../../../src/connectors/contract/records.ts';
import type { JsonObject } from '../../../src/model/json.ts';
import type { KeyValues } from '../../../src/model/record.ts';
import { mostCallsAtOnce, runPool } from '../../export/pool.ts';

/** A key to be looked up, and what its record is to hold. */
export interface WantedKey {
  readonly key: KeyValues;
  /** Absent for a record at fault. */
  readonly values?: JsonObject;
}

/** The records that the destination holds under these keys; none where it cannot be asked. */
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
