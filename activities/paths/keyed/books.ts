import type { DecidedOperation } from '../../../src/engine/match/match.ts';
import type { Database } from '../../../src/store/database/database.ts';
import type { JournalEntry } from '../../../src/store/runs/journal.ts';
import type { Path } from '../path.ts';

/**
 * What Sluice itself keeps of the records that it writes: the ledger of a sync, or the ids of an entity's records. A keyed
 * path is given its books when the run opens, and asks nowhere else whose run it is.
 */
export interface Books {
  /** See {@link Path.removes}. */
  readonly removes: Path['removes'];
  /** Counts the records that a removal is weighed against; 0 stands for a source that came back empty (R7). */
  imported(): Promise<number>;
  /** Finds the records that are to be removed. */
  toRemove(signal: AbortSignal): Promise<Removals>;
  /** Returns what notes the outcomes of operations (R4); undefined where nothing is kept. */
  learner(operations: readonly DecidedOperation[]): Learn | undefined;
}

/** Notes outcomes, by the numbers of their operations, in the transaction that makes them durable. */
export type Learn = (entries: readonly JournalEntry[], db: Database) => Promise<void>;

/** What a mirror would remove. */
export interface Removals {
  readonly removals: DecidedOperation[];
  /** How many records there are of those in scope, including the ones to remove. */
  readonly of: number;
}
