import type { Existing, RecordDestination } from '../src/connectors/destination.ts';
import { canonicalKey } from '../src/engine/canonical-key.ts';
import { decodeBatches, encodeOperations } from '../src/engine/chunk-codec.ts';
import { mapRecord, type MappedRecord } from '../src/engine/map-record.ts';
import { decide, decideByLedger, type Decision } from '../src/engine/match.ts';
import { permissionsOf } from '../src/model/mode.ts';
import { addStats, noStats } from '../src/model/outcome.ts';
import type { KeyValues } from '../src/model/record.ts';
import type { RunActivities } from './activities.ts';
import { hashValues } from './hash-values.ts';
import { fencingToken } from './fencing-token.ts';
import type { Dependencies, Session, Sessions } from './session.ts';
import { withSession } from './with-session.ts';

/** Maps a staged chunk, looks its keys up in the destination, and stages the operations that are due. */
export function matchChunk(
  deps: Dependencies & { sessions: Sessions },
): RunActivities['matchChunk'] {
  return ({ run, chunk }) =>
    withSession(deps, run, async (session, signal) => {
      const state = await deps.store.chunks.get(run, chunk);
      if (state?.state === 'matched' || state?.state === 'exported') return { operations: 0 };
      const token = fencingToken();
      await deps.store.chunks.claim(run, chunk, token);
      const text = await deps.store.chunks.staged(run, chunk, 'records');
      const { mapped, filtered } = mapAll(session, text ?? '');
      const decision = await decideAll(deps, session, mapped, signal);
      const skipped = {
        ...noStats,
        imported: filtered,
        skipped: { ...noStats.skipped, filter: filtered },
      };
      await deps.store.chunks.commit(run, chunk, token, {
        state: 'matched',
        stats: addStats(decision.stats, skipped),
        errors: decision.errors,
        stage: { kind: 'operations', text: encodeOperations(decision.operations) },
        seen: decision.keys.map((key) => deps.store.seal.hash(key)),
      });
      return { operations: decision.operations.length };
    });
}

function mapAll({ mapping }: Session, text: string): { mapped: MappedRecord[]; filtered: number } {
  const mapped: MappedRecord[] = [];
  let filtered = 0;
  for (const batch of text === '' ? [] : decodeBatches(text)) {
    for (const row of batch.rows) {
      const record = mapRecord(mapping, batch, row);
      if ('skipped' in record) filtered += 1;
      else mapped.push(record);
    }
  }
  return { mapped, filtered };
}

async function decideAll(
  { store }: Dependencies,
  { plan, destination }: Session,
  mapped: readonly MappedRecord[],
  signal: AbortSignal,
): Promise<Decision> {
  if (destination.kind !== 'records') throw new Error('this destination matches as it applies');
  const { spec } = plan;
  const permissions = permissionsOf(spec.mode);
  const { lookup } = destination;
  if (lookup !== undefined) {
    const existing = await lookUp(destination, keysOf(mapped, spec.match), signal);
    return decide({ records: mapped, existing, permissions, match: spec.match });
  }
  const keys = keysOf(mapped, spec.match).map(({ canonical }) => canonical);
  const found = await store.ledger.find(
    plan.sync,
    keys.map((key) => store.seal.hash(key)),
  );
  const ledger = new Map(
    keys.flatMap((key) => {
      const entry = found.get(store.seal.hash(key).toString('hex'));
      return entry === undefined
        ? []
        : [[key, { hash: entry.valueHash?.toString('hex') ?? '', id: entry.recordId }] as const];
    }),
  );
  const hash = hashValues(store.seal);
  return decideByLedger({ records: mapped, ledger, permissions, match: spec.match, hash });
}

function keysOf(
  mapped: readonly MappedRecord[],
  match: Parameters<typeof canonicalKey>[1],
): { key: KeyValues; canonical: string }[] {
  const keys = new Map<string, KeyValues>();
  for (const { key } of mapped) {
    const canonical = key === null ? null : canonicalKey(key, match);
    if (key !== null && canonical !== null) keys.set(canonical, key);
  }
  return [...keys].map(([canonical, key]) => ({ key, canonical }));
}

async function lookUp(
  destination: RecordDestination,
  keys: readonly { key: KeyValues }[],
  signal: AbortSignal,
): Promise<Existing[]> {
  const { lookup, lookupBatch } = destination;
  if (lookup === undefined) return [];
  const batches: KeyValues[][] = [];
  for (let from = 0; from < keys.length; from += lookupBatch) {
    batches.push(keys.slice(from, from + lookupBatch).map(({ key }) => key));
  }
  signal.throwIfAborted();
  return (await Promise.all(batches.map((batch) => lookup.call(destination, batch)))).flat();
}
