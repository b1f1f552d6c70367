import type { Existing, KeyedDestination } from '../../../src/connectors/contract/records.ts';
import type { MappedRecord } from '../../../src/engine/mapping/map-record.ts';
import {
  decide,
  decideByLedger,
  type Decision,
  type MatchOptions,
} from '../../../src/engine/match/match.ts';
import type { Steps } from '../../../src/engine/run/steps.ts';
import { canonicalKey } from '../../../src/engine/values/canonical-key.ts';
import type { KeyMatch } from '../../../src/model/match.ts';
import { permissionsOf } from '../../../src/model/mode.ts';
import type { Encoding } from '../../../src/model/record.ts';
import type { Seal } from '../../../src/store/sealing/seal.ts';
import { inTurns } from '../../host/in-turns.ts';
import { valueHasher } from './sync-books.ts';
import { lookUp, type WantedKey } from './look-up.ts';
import { decodedKey, withStoredKeys } from './stored-keys.ts';
import type { KeyedWork } from './keyed-work.ts';

/**
 * Decides the operations for mapped records, by the records that the destination holds or, when it cannot be read, by
 * the sync's ledger.
 * @param pending canonical keys that earlier chunks are still writing: they are neither looked up nor decided
 */
export async function matchRecords(
  { store, ends, destination }: KeyedWork,
  given: readonly MappedRecord[],
  pending: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<Decision> {
  const { plan, match } = ends;
  const calls = ends.callDestination({ signal });
  const held = {
    fields: new Map(destination.fields?.map((field) => [field.name, field])),
    encoding: destination.encoding ?? 'json',
    restricted: restrictedIn(destination),
  };
  const permissions = permissionsOf(plan.spec.mode);
  const options: MatchOptions = { permissions, match, held, pending };
  const mapped = await withStoredKeys(destination, match, given, calls);
  const keys = await inTurns(keysOf(mapped, match, pending));
  if (destination.lookup !== undefined) {
    const found = await lookUp(destination, [...keys.values()], calls);
    const decision = await inTurns(decide(mapped, found, options));
    return { ...decision, keys: [...decision.keys, ...heldKeys(found, match, held.encoding)] };
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
  return inTurns(decideByLedger(mapped, ledger, valueHasher(store.seal), options));
}

function restrictedIn({ fields }: KeyedDestination): boolean {
  return (
    fields?.some(({ creatable, updatable }) => creatable === false || updatable === false) ?? false
  );
}

/**
 * Returns the canonical keys of found records in the spelling that the destination holds: a mirror's scan reads them so
 * (R7).
 */
function heldKeys(found: readonly Existing[], match: KeyMatch, encoding: Encoding): string[] {
  return found.flatMap(({ heldKey }) => {
    const key = heldKey && canonicalKey(decodedKey(heldKey, match, encoding), match);
    return key ?? [];
  });
}

/** Returns the keys that can be looked up, by canonical key. When several records have one key, the last one counts. */
function* keysOf(
  mapped: readonly MappedRecord[],
  match: MatchOptions['match'],
  pending: ReadonlySet<string>,
): Steps<Map<string, WantedKey>> {
  const keys = new Map<string, WantedKey>();
  for (const record of mapped) {
    yield;
    if (!('values' in record)) continue;
    const canonical = canonicalKey(record.key, match);
    if (canonical !== null && !pending.has(canonical)) keys.set(canonical, record);
  }
  return keys;
}

/** Returns the keyed hashes of keys, in the order of the keys. */
export function* hashesOf(keys: Iterable<string>, seal: Seal): Steps<Map<string, Buffer>> {
  const hashes = new Map<string, Buffer>();
  for (const key of keys) {
    hashes.set(key, seal.hash(key));
    yield;
  }
  return hashes;
}
