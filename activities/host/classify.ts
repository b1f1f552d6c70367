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
import type { Runs } from '../../src/store/runs/runs.ts';

/** How long the systems of a run may stay down before the run fails. Milliseconds. */
const giveUpMs = 30 * 60_000;

/**
 * A bug fails the run after so many attempts and milliseconds: the first may have met a state that mends itself, and
 * the attempts before it may have been waits (R9).
 */
const bugLimit = { attempts: 5, ms: 10_000 };

/**
 * Turns what went wrong in an activity into what Temporal should do about it: config fails at once, a limit waits
 * without using up anything (R9), an outage is retried until the run has failed for too long. Messages carry no
 * content (R1).
 */
export async function classify(
  error: unknown,
  runs: Runs,
  { run, attempt }: { run: string; attempt: number },
): Promise<unknown> {
  if (error instanceof CancelledFailure || error instanceof ApplicationFailure) return error;
  if (error instanceof ConfigError) return knownFailure(error, { nonRetryable: true });
  if (error instanceof LimitedError) {
    const delay = Math.max(1000, error.retryAfterMs ?? 1000);
    // A system that asks to wait is not down, however long the wait.
    await ignoringErrors(runs.recovered(run));
    await ignoringErrors(runs.waitUntil(run, new Date(Date.now() + delay)));
    return knownFailure(error, { nextRetryDelay: delay });
  }
  const outage = error instanceof TransientError ? error : stateOutage(error);
  if (outage !== undefined) {
    const age = (await ignoringErrors(runs.failing(run))) ?? 0;
    // Lost staged rows do not come back: the workflow imports them again.
    return knownFailure(outage, { nonRetryable: age > giveUpMs || outage.code === stagingLost });
  }
  const age = (await ignoringErrors(runs.failing(run))) ?? Number.POSITIVE_INFINITY;
  return bugFailure(error, attempt >= bugLimit.attempts && age >= bugLimit.ms);
}

/** Only its kind and where it happened are told: its message may quote a record or a secret (R1). */
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

/** A failure of a known class; its message is safe to show. */
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
