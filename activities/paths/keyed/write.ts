import type { DecidedOperation } from '../../../src/engine/match/match.ts';
import type { Operation, RecordError } from '../../../src/model/outcome.ts';
import type { Step, Waiting } from '../path.ts';

/**
 * Writes the operations of a chunk; this is where records and jobs differ. A repeated attempt repeats nothing that was
 * acknowledged.
 * @returns the operations that failed
 */
export type Write = (
  step: Step,
  operations: readonly DecidedOperation[],
) => Promise<readonly Failed[] | Waiting>;

/** An operation that did not succeed. */
export interface Failed {
  readonly operation: Operation;
  readonly error: RecordError;
}
