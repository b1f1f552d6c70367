import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { ConfigError, LimitedError, SluiceError, TransientError } from '../src/model/failure.ts';
import type { Runs } from '../src/store/runs.ts';

/** How long the systems of a run may stay down before the run fails. Milliseconds. */
const giveUpMs = 30 * 60_000;

/**
 * Turns what went wrong in an activity into what Temporal should do about it: config fails at once, a limit waits
 * without using up anything (R9), the rest is retried until the run has failed for too long. Messages carry no
 * content (R1).
 */
export async function classify(error: unknown, runs: Runs, run: string): Promise<unknown> {
  if (error instanceof CancelledFailure || error instanceof ApplicationFailure) return error;
  if (error instanceof ConfigError) return failure(error, { nonRetryable: true });
  if (error instanceof LimitedError) {
    const delay = Math.max(1000, error.retryAfterMs ?? 1000);
    await runs.waitUntil(run, new Date(Date.now() + delay)).catch(() => undefined);
    return failure(error, { nextRetryDelay: delay });
  }
  const age = await runs.failing(run).catch(() => 0);
  if (error instanceof TransientError) return failure(error, { nonRetryable: age > giveUpMs });
  const name = error instanceof Error ? error.name : 'Error';
  const message = error instanceof Error ? error.message : String(error);
  return ApplicationFailure.create({
    type: 'bug',
    message: `${name}: ${message}`,
    nonRetryable: age > giveUpMs,
  });
}

function failure(
  error: SluiceError,
  options: { nonRetryable?: boolean; nextRetryDelay?: number },
): ApplicationFailure {
  return ApplicationFailure.create({
    type: error.code,
    message: error.message,
    details: [{ connection: error.connection }],
    ...options,
  });
}
