import { Context } from '@temporalio/activity';
import type { Step } from '../paths/path.ts';
import { TransientError } from '../../src/model/failure.ts';
import type { Chunks } from '../../src/store/runs/chunks.ts';

/** More attempts than this of one activity are never made. */
const attempts = 1_000_000;

/** This attempt of an activity as a step of a chunk. */
export function stepOf(run: string, chunk: number, signal: AbortSignal): Step {
  return { run, chunk, token: fencingToken(), attempt: Context.current().info.attempt, signal };
}

/**
 * The token of this attempt (R6). Activity ids count up within a workflow execution and attempts within an activity,
 * so a later attempt's token is always greater, and an attempt that was frozen cannot claim back what it lost.
 */
export function fencingToken(): number {
  const { activityId, attempt } = Context.current().info;
  return Number(activityId) * attempts + attempt;
}

/**
 * Claims the chunk of a cycle that comes after the last exported one; returns the token to commit with. Only then what it
 * is decided by may be loaded: no earlier attempt changes any of that any more (R6).
 * @throws TransientError where an earlier attempt was just faster: the next attempt goes on after its chunk
 */
export async function claimNextChunk(chunks: Chunks, run: string, no: number): Promise<number> {
  const token = fencingToken();
  if ((await chunks.claim(run, no, token)) === 'exported')
    throw new TransientError('overtaken', 'an earlier attempt has exported the chunk after all');
  return token;
}
