import type { KeyedDestination } from '../../src/connectors/contract/records.ts';
import type { DecidedOperation } from '../../src/engine/match/match.ts';
import type { SourceRecord, SystemId } from '../../src/model/golden-record.ts';
import { own } from '../../src/model/own.ts';
import type { Store } from '../../src/store/store.ts';
import type { Books, Learn } from '../paths/keyed/books.ts';
import { syncBooks } from '../paths/keyed/sync-books.ts';
import type { Ends } from '../session/ends.ts';
import type { Delivery } from './delivery.ts';
import { findDepartures } from './find-departures.ts';
import { recordIdOf } from '../../src/engine/entity/record-id.ts';
import type { EntitySpec } from '../../src/model/entity.ts';
import { permissionsOf } from '../../src/model/mode.ts';

/** The books of a destination of an entity: the ids of its records there, and the change log, which tells what has left. */
export function deliveryBooks(
  store: Store,
  ends: Ends,
  destination: KeyedDestination,
  delivery: Delivery,
): Books {
  const { entity, system, idField } = delivery;
  const ledger = syncBooks(store, ends, destination);
  return {
    removes: mayRemove(entity.spec, system) ? 'departed' : 'nothing',
    imported: () => store.golden.count(entity.id),
    toRemove: () => findDepartures(store, ends, delivery),
    learner: (operations) =>
      idField === undefined ? ledger.learner(operations) : idLearner(store, delivery, operations),
  };
}

/**
 * Notes what the destination has accepted, as a part of the transaction that makes it known: ids that it gave, and where
 * the system is a source too, what it holds now, so that reading that back changes nothing.
 */
function idLearner(
  { sourceRecords }: Store,
  { entity, plan, system }: Delivery,
  operations: readonly DecidedOperation[],
): Learn {
  const contributionOf = own(plan.sources, system)?.contributionOf ?? (() => ({}));
  return async (entries, db) => {
    const gone: SystemId[] = [];
    const written: SourceRecord[] = [];
    for (const { seq, outcome } of entries) {
      const operation = operations[seq];
      if (operation === undefined || outcome === null) continue;
      const id = (outcome.ok ? outcome.id : undefined) ?? operation.id;
      if (id === null || id === undefined) continue;
      const missing = !outcome.ok && outcome.code === 'http_404';
      if (missing || (operation.operation === 'remove' && outcome.ok)) gone.push({ system, id });
      else if (outcome.ok) {
        const record = recordIdOf(operation.key);
        written.push({ system, id, record, at: null, values: contributionOf(operation.values) });
      }
    }
    await sourceRecords.remove(entity.ref, gone, db);
    await sourceRecords.noteContributions(entity.ref, written, db);
  };
}

/** True where a destination of the entity may remove records: by its mode, or those of a merge's losers. */
function mayRemove({ merge, destinations }: EntitySpec, name: string): boolean {
  const mode = own(destinations, name)?.mode;
  return merge?.deleteLosers === true || (mode !== undefined && permissionsOf(mode).remove);
}
