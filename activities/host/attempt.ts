import { Context } from '@temporalio/activity';
import type { Step } from '../paths/path.ts';
import { TransientError } from '../../src/model/failure.ts';
import type { Chunks } from '../../src/store/runs/chunks.ts';

/** The number of attempts that one activity never reaches. */
const attempts = 1_000_000;

/** Returns the current attempt of an activity as a step of a chunk. */
export function stepOf(run: string, chunk: number, signal: AbortSignal): Step {
  return { run, chunk, token: fencingToken(), attempt: Context.current().info.attempt, signal };
}

/**
 * Returns the token of the current attempt (R6). Activity ids count up within a workflow execution and attempts within
 * an activity, so a later attempt's token is always greater, and an attempt that was frozen cannot claim back what it
 * lost.
 */
export function fencingToken(): number {
  const { activityId, attempt } = Context.current().info;
  return Number(activityId) * attempts + attempt;
}

/**
 * Claims the chunk of a cycle that follows the last exported one. Load what decides the chunk only after this: from
 * then on no earlier attempt changes it (R6).
 * @returns the token to commit with
 * @throws TransientError `overtaken` when an earlier attempt has just exported the chunk; the next attempt goes on
 *   after it
 */
export async function claimNextChunk(chunks: Chunks, run: string, no: number): Promise<number> {
  const token = fencingToken();
  if ((await chunks.claim(run, no, token)) === 'exported')
    throw new TransientError('overtaken', 'an earlier attempt has exported the chunk after all');
  return token;
}
