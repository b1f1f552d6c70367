import type { KeyedDestination } from '../../../src/connectors/contract/records.ts';
import type { Store } from '../../../src/store/store.ts';
import type { Ends } from '../../session/ends.ts';
import type { Books } from './books.ts';
import type { ChunkRecords } from './chunk-records.ts';
import type { DecidedOperation } from '../../../src/engine/match/match.ts';
import type { Operation, RecordError } from '../../../src/model/outcome.ts';
import type { Step, Waiting } from '../path.ts';

/** The parts of a run that the steps of a keyed path work with. */
export interface KeyedWork<D extends KeyedDestination = KeyedDestination> {
  readonly store: Store;
  readonly ends: Ends;
  readonly destination: D;
  readonly books: Books;
  readonly records: ChunkRecords;
}

/**
 * Writes the operations of a chunk, as records or as jobs. A repeated attempt repeats nothing that was acknowledged.
 * @returns the operations that failed, or the time to wait for a job
 */
export type WriteOperations = (
  step: Step,
  operations: readonly DecidedOperation[],
) => Promise<readonly FailedOperation[] | Waiting>;

/** An operation that did not succeed. */
export interface FailedOperation {
  readonly operation: Operation;
  readonly error: RecordError;
}
