import type { Existing, RecordDestination } from '../src/connectors/destination.ts';
import { canonicalKey } from '../src/engine/canonical-key.ts';
import type { MappedRecord } from '../src/engine/map-record.ts';
import { decide, decideByLedger, type Decision, type MatchOptions } from '../src/engine/match.ts';
import type { Steps } from '../src/engine/steps.ts';
import { permissionsOf } from '../src/model/mode.ts';
import type { KeyValues } from '../src/model/record.ts';
import type { Seal } from '../src/store/seal.ts';
import { hashValues } from './hash-values.ts';
import { lanes, runPool } from './export/pool.ts';
import { inTurns } from './in-turns.ts';
import type { Dependencies, Session } from './session.ts';

/**
 * Decides what is to be done with mapped records, by what the destination holds or, where it cannot be read, by the
 * sync's ledger. Records whose key is in `pending` are neither asked for nor decided.
 */
export async function matchRecords(
  { store }: Dependencies,
  { plan, destination, match }: Session,
  mapped: readonly MappedRecord[],
  pending: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<Decision> {
  if (destination.kind !== 'records') throw new Error('this destination matches as it applies');
  const { mode } = plan.spec;
  const types = new Map(destination.fields?.map(({ name, type }) => [name, type]));
  const options: MatchOptions = { permissions: permissionsOf(mode), match, types, pending };
  const keys = await inTurns(keysOf(mapped, match, pending));
  if (destination.lookup !== undefined) {
    const found = await lookUp(destination, [...keys.values()], signal);
    return inTurns(decide(mapped, found, options));
  }
  const hashes = await inTurns(hashesOf(keys.keys(), store.seal));
  const found = await store.ledger.find(plan.sync, [...hashes.values()]);
  const ledger = new Map(
    [...hashes].flatMap(([key, hash]) => {
      const entry = found.get(hash.toString('hex'));
      if (entry === undefined) return [];
      return [[key, { hash: entry.valueHash?.toString('hex') ?? '', id: entry.recordId }] as const];
    }),
  );
  return inTurns(decideByLedger(mapped, ledger, hashValues(store.seal), options));
}

/** The keys that can be looked up, by canonical key. */
function* keysOf(
  mapped: readonly MappedRecord[],
  match: MatchOptions['match'],
  pending: ReadonlySet<string>,
): Steps<Map<string, KeyValues>> {
  const keys = new Map<string, KeyValues>();
  for (const record of mapped) {
    yield;
    if (!('values' in record)) continue;
    const canonical = canonicalKey(record.key, match);
    if (canonical !== null && !pending.has(canonical)) keys.set(canonical, record.key);
  }
  return keys;
}

/** The keyed hashes of keys, in their order. */
export function* hashesOf(keys: Iterable<string>, seal: Seal): Steps<Map<string, Buffer>> {
  const hashes = new Map<string, Buffer>();
  for (const key of keys) {
    hashes.set(key, seal.hash(key));
    yield;
  }
  return hashes;
}

/** The records that the destination holds under these keys; none where it cannot be asked. */
export async function lookUp(
  destination: RecordDestination,
  keys: readonly KeyValues[],
  signal?: AbortSignal,
): Promise<Existing[]> {
  const { lookup, lookupBatch } = destination;
  if (lookup === undefined) return [];
  const found: Existing[][] = Array.from(
    { length: Math.ceil(keys.length / lookupBatch) },
    () => [],
  );
  const lookUpBatch = async (at: number): Promise<void> => {
    signal?.throwIfAborted();
    const batch = keys.slice(at * lookupBatch, (at + 1) * lookupBatch);
    found[at] = await lookup.call(destination, batch);
  };
  await runPool([...found.keys()], () => lanes, lookUpBatch);
  return found.flat();
}
