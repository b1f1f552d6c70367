import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { bugOf } from '../../src/model/bug.ts';
import {
  ConfigError,
  LimitedError,
  TransientError,
  type SluiceError,
} from '../../src/model/failure.ts';
import { stagingLost } from '../../src/model/workflow.ts';
import { stateOutage } from '../../src/store/database/outage.ts';
import type { RunProgress } from '../../src/store/runs/run-progress.ts';

/** The time for which the systems of a run may stay down before the run fails. Milliseconds. */
const giveUpMs = 30 * 60_000;

/**
 * The attempts and the milliseconds after which a bug fails the run. Both must have passed: the state that caused it
 * may mend itself, and earlier attempts may have been waits for a rate limit (R9).
 */
const bugLimit = { attempts: 5, ms: 10_000 };

/**
 * Turns an activity's error into a failure that tells Temporal what to do. Its message carries no content (R1).
 * - A configuration error fails the run at once.
 * - A rate limit waits, however long, and uses up nothing (R9).
 * - An outage is retried until the run has been failing for 30 minutes.
 * - A bug is retried a few times, then fails the run.
 */
export async function classify(
  error: unknown,
  progress: RunProgress,
  { run, attempt }: { run: string; attempt: number },
): Promise<unknown> {
  if (error instanceof CancelledFailure || error instanceof ApplicationFailure) return error;
  if (error instanceof ConfigError) return knownFailure(error, { nonRetryable: true });
  if (error instanceof LimitedError) {
    const delay = Math.max(1000, error.retryAfterMs ?? 1000);
    // A system that asks for a wait is not down, however long the wait is.
    await ignoringErrors(progress.recovered(run));
    await ignoringErrors(progress.waitUntil(run, new Date(Date.now() + delay)));
    return knownFailure(error, { nextRetryDelay: delay });
  }
  const outage = error instanceof TransientError ? error : stateOutage(error);
  if (outage !== undefined) {
    const age = (await ignoringErrors(progress.failing(run))) ?? 0;
    // Lost staged rows do not come back: the workflow imports them again.
    return knownFailure(outage, { nonRetryable: age > giveUpMs || outage.code === stagingLost });
  }
  const age = (await ignoringErrors(progress.failing(run))) ?? Number.POSITIVE_INFINITY;
  return bugFailure(error, attempt >= bugLimit.attempts && age >= bugLimit.ms);
}

/** Returns the failure of a bug: its name and place, but not its message, which may quote a record or a secret (R1). */
export function bugFailure(error: unknown, final = false): ApplicationFailure {
  const { name, at, frames } = bugOf(error);
  const message = at === '' ? name : `${name} at ${at}`;
  const known = ApplicationFailure.create({
    type: 'bug',
    message,
    nonRetryable: final,
  });
  known.stack = `${message}\n${frames}`;
  return known;
}

async function ignoringErrors<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch {
    return undefined;
  }
}

/** Returns the failure of an error of a known class, whose message is safe to show. */
export function knownFailure(
  error: SluiceError,
  options: { nonRetryable?: boolean; nextRetryDelay?: number } = {},
): ApplicationFailure {
  return ApplicationFailure.create({
    type: error.code,
    message: error.message,
    details: [{ connection: error.connection }],
    ...options,
  });
}
