import type { DecidedOperation, EditedRecord } from '../../../src/engine/match/match.ts';
import type { RecordError } from '../../../src/model/outcome.ts';
import type { Database } from '../../../src/store/database/database.ts';
import type { JournalEntry } from '../../../src/store/runs/journal.ts';
import type { Path } from '../path.ts';

/**
 * The notes that Sluice itself keeps about the records that it writes: the ledger of a sync, or the ids of an entity's
 * records. A keyed path is given its books when the run opens, so it need not know whether the run is a sync's or an
 * entity's.
 */
export interface Books {
  /** See {@link Path.removes}. */
  readonly removes: Path['removes'];
  /** See {@link Path.imported}. */
  imported(): Promise<number>;
  /** Finds the records that are to be removed. */
  toRemove(signal: AbortSignal): Promise<Removals>;
  /** Returns a function that notes the outcomes of operations (R4); undefined when nothing is kept. */
  learner(operations: readonly DecidedOperation[]): Learn | undefined;
  /**
   * Leaves records that were edited at the destination to a later run, in `db`, the transaction that counts them as skipped.
   * Absent: no edit there counts.
   */
  leave?(edited: readonly EditedRecord[], db: Database): Promise<void>;
  /** Notes the records that could not be written, in `db`, the transaction that counts them. Absent: none come again. */
  refuse?(errors: readonly RecordError[], db: Database): Promise<void>;
  /** Ends the books of a run that has completed. May be repeated. */
  close?(): Promise<void>;
}

/** Notes outcomes in `db`, the transaction that makes them durable. `entries` name operations by their numbers. */
export type Learn = (entries: readonly JournalEntry[], db: Database) => Promise<void>;

/** The records that a run would remove. */
export interface Removals {
  readonly removals: DecidedOperation[];
  /** The number of records in scope, including the ones to remove. */
  readonly of: number;
}
