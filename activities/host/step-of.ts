import { Context } from '@temporalio/activity';
import type { Step } from '../paths/path.ts';

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
