import type { Existing, RecordDestination } from '../src/connectors/destination.ts';
import { canonicalKey } from '../src/engine/canonical-key.ts';
import { decodeBatches, encodeOperations } from '../src/engine/chunk-codec.ts';
import { recordMapper, type MappedRecord } from '../src/engine/map-record.ts';
import { decide, decideByLedger, type Decision, type MatchOptions } from '../src/engine/match.ts';
import { permissionsOf } from '../src/model/mode.ts';
import type { KeyValues } from '../src/model/record.ts';
import type { RunActivities } from './activities.ts';
import { fencingToken } from './fencing-token.ts';
import { hashValues } from './hash-values.ts';
import type { Dependencies, Session, Sessions } from './session.ts';
import { withSession } from './with-session.ts';

/** Maps a staged chunk, looks its keys up in the destination, and stages the operations that are due. */
export function matchChunk(
  deps: Dependencies & { sessions: Sessions },
): RunActivities['matchChunk'] {
  return ({ run, chunk }) =>
    withSession(deps, run, async (session, signal) => {
      const { store } = deps;
      const state = await store.chunks.get(run, chunk);
      if (state?.state === 'matched' || state?.state === 'exported') return { operations: 0 };
      const token = fencingToken();
      await store.chunks.claim(run, chunk, token);
      const text = await store.chunks.staged(run, chunk, 'records');
      if (text === null) throw new Error(`chunk ${chunk} is not staged`);
      const decision = await decideChunk(deps, session, mapAll(session, text), signal);
      await store.chunks.commit(run, chunk, token, {
        state: 'matched',
        stats: decision.stats,
        errors: decision.errors,
        stage: { kind: 'operations', text: encodeOperations(decision.operations) },
        seen: decision.keys.map((key) => store.seal.hash(key)),
      });
      return { operations: decision.operations.length };
    });
}

function mapAll({ mapping }: Session, text: string): MappedRecord[] {
  return decodeBatches(text).flatMap(({ fields, encoding, rows }) =>
    rows.map(recordMapper(mapping, fields, encoding)),
  );
}

async function decideChunk(
  { store }: Dependencies,
  { plan, destination }: Session,
  mapped: readonly MappedRecord[],
  signal: AbortSignal,
): Promise<Decision> {
  if (destination.kind !== 'records') throw new Error('this destination matches as it applies');
  const { match, mode } = plan.spec;
  const types = new Map(destination.fields?.map(({ name, type }) => [name, type]));
  const options: MatchOptions = { permissions: permissionsOf(mode), match, types };
  const keys = keysOf(mapped, match);
  if (destination.lookup !== undefined) {
    return decide(mapped, await lookUp(destination, [...keys.values()], signal), options);
  }
  const hashes = new Map([...keys.keys()].map((key) => [key, store.seal.hash(key)]));
  const found = await store.ledger.find(plan.sync, [...hashes.values()]);
  const ledger = new Map(
    [...hashes].flatMap(([key, hash]) => {
      const entry = found.get(hash.toString('hex'));
      if (entry === undefined) return [];
      return [[key, { hash: entry.valueHash?.toString('hex') ?? '', id: entry.recordId }] as const];
    }),
  );
  return decideByLedger(mapped, ledger, hashValues(store.seal), options);
}

/** The keys that can be looked up, by canonical key. */
function keysOf(
  mapped: readonly MappedRecord[],
  match: MatchOptions['match'],
): Map<string, KeyValues> {
  const keys = new Map<string, KeyValues>();
  for (const record of mapped) {
    if ('skipped' in record) continue;
    const canonical = canonicalKey(record.key, match);
    if (canonical !== null) keys.set(canonical, record.key);
  }
  return keys;
}

async function lookUp(
  destination: RecordDestination,
  keys: readonly KeyValues[],
  signal: AbortSignal,
): Promise<Existing[]> {
  const { lookup, lookupBatch } = destination;
  if (lookup === undefined) return [];
  const batches: KeyValues[][] = [];
  for (let from = 0; from < keys.length; from += lookupBatch)
    batches.push(keys.slice(from, from + lookupBatch));
  signal.throwIfAborted();
  return (await Promise.all(batches.map((batch) => lookup.call(destination, batch)))).flat();
}
