import { ActivityFailure, ApplicationFailure } from '@temporalio/workflow';
import type { RunFailure } from '../src/model/run.ts';

/** Returns the failure of a run from the error that ended it: an activity's failure, or the workflow's own error. */
export function failureOf(error: unknown): RunFailure {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof ApplicationFailure) {
    const detail = cause.details?.[0] as { connection?: string } | undefined;
    return {
      code: cause.type ?? 'bug',
      message: cause.message,
      ...(detail?.connection !== undefined && { connection: detail.connection }),
    };
  }
  return { code: 'bug', message: cause instanceof Error ? cause.message : String(cause) };
}
