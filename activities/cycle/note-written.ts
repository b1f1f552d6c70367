import type { DecidedOperation } from '../../src/engine/match/match.ts';
import type { SourceRecord, SystemId } from '../../src/model/golden-record.ts';
import { own } from '../../src/model/own.ts';
import type { Database } from '../../src/store/database/database.ts';
import type { JournalEntry } from '../../src/store/runs/journal.ts';
import type { Store } from '../../src/store/store.ts';
import { recordOf } from './record-of.ts';
import type { Delivery } from './delivery.ts';

/**
 * Notes what the destination has accepted, as a part of the transaction that makes it known: ids that it gave, and where
 * the system is a source too, what it holds now, so that reading that back changes nothing.
 */
export function noteWritten(
  { sourceRecords }: Store,
  { entity, plan, system }: Delivery,
  operations: readonly DecidedOperation[],
): (entries: readonly JournalEntry[], db: Database) => Promise<void> {
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
        const record = recordOf(operation.key);
        written.push({ system, id, record, at: null, values: contributionOf(operation.values) });
      }
    }
    await sourceRecords.remove(entity.ref, gone, db);
    await sourceRecords.noteContributions(entity.ref, written, db);
  };
}
