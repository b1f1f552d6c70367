import type { DecidedOperation } from '../../../src/engine/match/match.ts';
import { canonicalKey } from '../../../src/engine/values/canonical-key.ts';
import { faultPoint } from '../../../src/model/fault-point.ts';
import { permissionsOf } from '../../../src/model/mode.ts';
import { jobLost } from '../../../src/connectors/contract/job.ts';
import type { KeyedDestination } from '../../../src/connectors/contract/records.ts';
import type { KeyValues } from '../../../src/model/record.ts';
import type { JournalOutcome } from '../../../src/store/runs/journal.ts';
import type { Store } from '../../../src/store/store.ts';
import type { Ends } from '../../session/ends.ts';
import type { Books, Learn, Removals } from './books.ts';
import { decodedKey } from './stored-keys.ts';
import type { JsonObject } from '../../../src/model/json.ts';
import type { Seal } from '../../../src/store/sealing/seal.ts';

/** Returns the books of a sync: its ledger, and the keys that a mirror has seen. */
export function syncBooks(store: Store, ends: Ends, destination: KeyedDestination): Books {
  const { spec } = ends.plan;
  return {
    removes: permissionsOf(spec.mode).remove ? 'unseen' : 'nothing',
    imported: () => store.chunks.importedInAll(ends.run),
    toRemove: (signal) =>
      spec.removal.scope === 'tracked'
        ? trackedUnseen(store, ends)
        : heldUnseen(store, ends, destination, signal),
    learner: (operations) => ledgerLearner(store, ends, destination, operations),
  };
}

/** Finds the records of the ledger that no chunk of the run held. */
async function trackedUnseen({ ledger }: Store, { plan, run, match }: Ends): Promise<Removals> {
  const entries = await ledger.unseen(plan.sync, run);
  const removals = entries.map(({ key, recordId }) =>
    removal(key, recordId, canonicalKey(key, match) ?? ''),
  );
  return { removals, of: await ledger.count(plan.sync) };
}

/** Finds the records of the destination that no chunk of the run held. */
async function heldUnseen(
  store: Store,
  { run, match, callDestination }: Ends,
  destination: KeyedDestination,
  signal: AbortSignal,
): Promise<Removals> {
  if (destination.scan === undefined) return { removals: [], of: 0 };
  const removals: DecidedOperation[] = [];
  let of = 0;
  for await (const page of destination.scan(callDestination({ signal }))) {
    // A record without a key stays: a source record without a key may be the same thing (R7).
    const keyed = page.flatMap(({ key: held, id }) => {
      const key = decodedKey(held, match, destination.encoding ?? 'json');
      const canonical = canonicalKey(key, match);
      return canonical === null ? [] : [{ key, id, canonical, hash: store.seal.hash(canonical) }];
    });
    const unseen = await store.seenKeys.unseen(
      run,
      keyed.map(({ hash }) => hash),
    );
    for (const { key, id, canonical, hash } of keyed)
      if (unseen.has(hash.toString('hex'))) removals.push(removal(key, id, canonical));
    of += page.length;
  }
  return { removals, of };
}

function removal(key: KeyValues, id: string | null, canonical: string): DecidedOperation {
  return { operation: 'remove', key, canonicalKey: canonical, id, values: {} };
}

/**
 * Returns a function that notes accepted operations in the sync's ledger (R4); undefined when the sync keeps none. A
 * create whose outcome is unknown is noted without a hash, so the next run updates the record, because a second create
 * could double it. When the destination answers that it has no such record, the ledger forgets it, and the next run
 * creates it.
 */
function ledgerLearner(
  { ledger, seal }: Store,
  { plan }: Ends,
  destination: KeyedDestination,
  operations: readonly DecidedOperation[],
): Learn | undefined {
  const readable = destination.lookup !== undefined;
  if (readable && plan.spec.removal.scope !== 'tracked') return undefined;
  const hash = valueHasher(seal);
  const keyHash = (operation: DecidedOperation): Buffer => seal.hash(operation.canonicalKey);
  return async (entries, db) => {
    const known = entries.flatMap(({ seq, outcome }) => {
      const operation = operations[seq];
      return outcome === null || operation === undefined ? [] : [{ operation, outcome }];
    });
    const gone = known.filter(
      ({ operation, outcome }) =>
        (operation.operation === 'remove' && outcome.ok) ||
        (!readable && isMissing(operation, outcome)),
    );
    const hashes = gone.map(({ operation }) => keyHash(operation));
    await ledger.remove(plan.sync, hashes, db);
    const written = known.filter(
      ({ operation, outcome }) =>
        operation.operation !== 'remove' &&
        (outcome.ok || (!readable && inDoubt.has(outcome.code))),
    );
    const notes = written.map(({ operation, outcome }) => ({
      keyHash: keyHash(operation),
      key: operation.key,
      recordId: (outcome.ok ? outcome.id : undefined) ?? operation.id,
      valueHash: outcome.ok ? Buffer.from(operation.hash ?? hash(operation.values), 'hex') : null,
    }));
    await ledger.put(plan.sync, notes, db);
    faultPoint('export.after-ledger');
  };
}

/** The codes of operations of which nobody knows whether they took effect. */
const inDoubt = new Set(['unknown_outcome', jobLost]);

function isMissing({ operation }: DecidedOperation, outcome: JournalOutcome): boolean {
  return operation === 'update' && !outcome.ok && outcome.code === 'http_404';
}

/**
 * Returns a function that computes the keyed hash of mapped values, as hex. It does not depend on the order of fields.
 */
export function valueHasher(seal: Seal): (values: JsonObject) => string {
  return (values) => {
    const ordered = Object.keys(values)
      .toSorted()
      .map((name) => [name, values[name]]);
    return seal.hash(JSON.stringify(ordered)).toString('hex');
  };
}
