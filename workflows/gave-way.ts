import { ActivityFailure, isCancellation } from '@temporalio/workflow';

/**
 * Whether `error` is how an activity ends that was asked to stop: it obeyed, or the attempt under way failed or was
 * lost with its worker, and the server makes no further one because a stop had been asked for.
 */
export function gaveWay(error: unknown): boolean {
  if (isCancellation(error)) return true;
  return error instanceof ActivityFailure && error.retryState === 'CANCEL_REQUESTED';
}
