import type { DecidedOperation } from '../../src/engine/match/match.ts';
import { faultPoint } from '../../src/model/fault-point.ts';
import type { Database } from '../../src/store/database/database.ts';
import type { JournalEntry, JournalOutcome } from '../../src/store/runs/journal.ts';
import { hashValues } from '../paths/records/hash-values.ts';
import type { Dependencies, Session } from '../session/session.ts';

/**
 * Tells the sync's ledger of the operations that the destination has accepted (R4); undefined where no ledger is kept.
 * A create whose outcome is unknown is noted without a hash: the next run updates the record, for a second create could
 * double it. If the destination answers that it has no such record, the ledger forgets it, and it is created next time.
 */
export function learning(
  { store }: Dependencies,
  { plan, destination }: Session,
  operations: readonly DecidedOperation[],
): ((entries: readonly JournalEntry[], db: Database) => Promise<void>) | undefined {
  const readable = destination.kind === 'records' && destination.lookup !== undefined;
  if (readable && plan.spec.removal.scope !== 'tracked') return undefined;
  const { ledger, seal } = store;
  const hash = hashValues(seal);
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
        (outcome.ok || (!readable && outcome.code === 'unknown_outcome')),
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

function isMissing({ operation }: DecidedOperation, outcome: JournalOutcome): boolean {
  return operation === 'update' && !outcome.ok && outcome.code === 'http_404';
}
