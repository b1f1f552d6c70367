import { Context } from '@temporalio/activity';
import { fencingToken } from '../host/attempt.ts';

/** An attempt at a step of a chunk. */
export interface Step {
  readonly run: string;
  readonly chunk: number;
  /** Greater than the token of every earlier attempt (R6). */
  readonly token: number;
  /** The number of the attempt, from 1. */
  readonly attempt: number;
  /** Aborted when the work is to stop. */
  readonly signal: AbortSignal;
}

/** Returns the current attempt of an activity as a step of a chunk. */
export function stepOf(run: string, chunk: number, signal: AbortSignal): Step {
  return { run, chunk, token: fencingToken(), attempt: Context.current().info.attempt, signal };
}
