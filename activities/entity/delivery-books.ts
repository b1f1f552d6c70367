import type { KeyedDestination } from '../../src/connectors/contract/records.ts';
import type { DecidedOperation, EditedRecord } from '../../src/engine/match/match.ts';
import type { RecordId, SourceRecord, SystemId } from '../../src/model/golden-record.ts';
import type { JsonObject } from '../../src/model/json.ts';
import { editedCode, type RecordError } from '../../src/model/outcome.ts';
import { own } from '../../src/model/own.ts';
import { writesAllDue } from '../../src/model/run.ts';
import type { Database } from '../../src/store/database/database.ts';
import type { Store } from '../../src/store/store.ts';
import type { Books, Learn } from '../paths/keyed/books.ts';
import { syncBooks } from '../paths/keyed/sync-books.ts';
import type { Ends } from '../ends/ends.ts';
import { decodedValues } from './decoded-values.ts';
import type { Delivery } from './delivery.ts';
import { findDepartures } from './find-departures.ts';
import { recordIdOf } from '../../src/engine/entity/record-id.ts';
import type { EntitySpec } from '../../src/model/entity.ts';
import { permissionsOf } from '../../src/model/mode.ts';

/**
 * Returns the books of an entity's destination: the ids of the records there, and the change log, which tells which
 * have left.
 */
export function deliveryBooks(
  store: Store,
  ends: Ends,
  destination: KeyedDestination,
  delivery: Delivery,
): Books {
  const { entity, system, idField } = delivery;
  const said = saidReader(delivery, destination);
  const ledger = syncBooks(store, ends, destination);
  const { plan } = ends;
  const delivered = { entity: entity.no, destination: system, run: plan.origin };
  return {
    removes: mayRemove(entity.spec, system) ? 'departed' : 'nothing',
    imported: () => store.golden.count(entity.id),
    toRemove: () => findDepartures(store, ends, delivery),
    learner: (operations) =>
      idField === undefined
        ? ledger.learner(operations)
        : idLearner(store, delivery, said, operations),
    // Without an id field an error's key is not the record's id.
    ...(idField !== undefined && {
      refuse: (errors: readonly RecordError[], db: Database) =>
        store.refused.note(delivered, recordsOf(errors), db),
      close: async () => {
        // A run that reads only a part, or retries errors, tells nothing of the rest.
        if (writesAllDue(plan.options)) await store.refused.settle(delivered, ends.plan);
      },
    }),
    leave: (edited, db) => leaveEdited(store, delivery, said, edited, db),
  };
}

/**
 * Returns a function that notes accepted operations, in the transaction that makes them durable: the ids that the
 * destination gave, and, when the system is a source too, the values that it holds now, so that reading them back
 * changes nothing. A system that stores a value in its own way, such as 8 for 7.7, is noted with its own.
 */
function idLearner(
  { records, sourceRecords }: Store,
  { entity, system }: Delivery,
  said: SaidReader,
  operations: readonly DecidedOperation[],
): Learn {
  return async (entries, db) => {
    const gone: SystemId[] = [];
    const written: SourceRecord[] = [];
    const edited: RecordId[] = [];
    for (const { seq, outcome } of entries) {
      const operation = operations[seq];
      if (operation === undefined || outcome === null) continue;
      if (!outcome.ok && outcome.code === editedCode) edited.push(recordIdOf(operation.key));
      const id = (outcome.ok ? outcome.id : undefined) ?? operation.id;
      if (id === null || id === undefined) continue;
      const missing = !outcome.ok && outcome.code === 'http_404';
      if (missing || (operation.operation === 'remove' && outcome.ok)) gone.push({ system, id });
      else if (outcome.ok) {
        const record = recordIdOf(operation.key);
        const values = said(outcome.stored ?? {}, operation.values);
        const made = operation.operation === 'create';
        written.push({ system, id, record, at: null, values, ...(made && { made }) });
      }
    }
    await sourceRecords.remove(entity.ref, gone, db);
    await sourceRecords.noteContributions(entity.ref, written, db);
    await records.deliverAgain(edited, db);
  };
}

/**
 * Leaves records that were edited at the destination to the next cycle, which reads the edits before it delivers. What the
 * system was found to hold is noted: an edit that the source does not give although it was read meanwhile, such as one that
 * its `where` leaves out, holds up the record only once.
 */
async function leaveEdited(
  { records, sourceRecords }: Store,
  { entity, system }: Delivery,
  said: SaidReader,
  edited: readonly EditedRecord[],
  db: Database,
): Promise<void> {
  const found = edited.flatMap(({ id, held }) =>
    id === null ? [] : [{ system, id, edited: said(held) }],
  );
  await sourceRecords.noteEdited(entity.ref, found, db);
  await records.deliverAgain(
    edited.map(({ key }) => recordIdOf(key)),
    db,
  );
}

/**
 * Returns the entity's values that a system says of a record with these field values, as it holds them; none when the system is
 * no source. For a field that is not among them, the value `given` to it counts.
 */
type SaidReader = (held: JsonObject, given?: JsonObject) => JsonObject;

function saidReader({ plan, system }: Delivery, destination: KeyedDestination): SaidReader {
  const source = own(plan.sources, system);
  if (source === undefined) return () => ({});
  const asRead = decodedValues(destination);
  return (held, given = {}) => source.contributionOf({ ...given, ...asRead(held) });
}

/** Returns the entity's records that record errors are about. */
function recordsOf(errors: readonly RecordError[]): RecordId[] {
  return errors.flatMap(({ key }) => (key === null ? [] : [recordIdOf(key)]));
}

/**
 * True when a destination of the entity may remove records: its mode allows it, it says `remove: written`, or merges delete
 * their losers.
 */
function mayRemove({ merge, destinations }: EntitySpec, name: string): boolean {
  const { mode, remove } = own(destinations, name) ?? {};
  if (merge?.deleteLosers === true || remove === 'written') return true;
  return mode !== undefined && permissionsOf(mode).remove;
}
