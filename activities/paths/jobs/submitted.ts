import type { Calls } from '../../../src/connectors/contract/calls.ts';
import { jobLost, type JobReference, type LongJob } from '../../../src/connectors/contract/job.ts';
import { TransientError } from '../../../src/model/failure.ts';
import { faultPoint } from '../../../src/model/fault-point.ts';
import type { ChunkOwner } from '../../../src/store/runs/fencing.ts';
import type { Job, Jobs } from '../../../src/store/runs/jobs.ts';
import { isWithoutEffect, watchedCalls } from '../keyed/watched-calls.ts';

/** Identifies one job of a chunk. */
export interface Submission {
  readonly owner: ChunkOwner;
  readonly part: number;
  readonly kind: Job['kind'];
  /** Names the job at the system, the same on every attempt. */
  readonly name: string;
}

/**
 * Returns the reference of a job, which is submitted if it was not yet: once, whatever dies in between. Null where it may
 * have been submitted and nobody can tell: the answer was lost, and the system cannot be asked.
 *
 * ```
 *   (nothing) ── announced ── submitted ── done
 *                    │ a worker died here: find(name) → submitted, or submit again
 * ```
 */
export async function referenceOf(
  jobs: Jobs,
  { owner, part, kind, name }: Submission,
  known: Job | undefined,
  system: Pick<LongJob, 'find'>,
  calls: Calls,
  submit: () => Promise<JobReference>,
): Promise<JobReference | null> {
  if (known !== undefined && known.reference !== null) return known.reference;
  // An attempt was about to submit it, and nobody heard whether it did.
  if (known !== undefined && system.find === undefined) return null;
  const found = known === undefined ? null : ((await system.find?.(name, calls)) ?? null);
  if (found === null) await jobs.announce(owner, part, kind, name);
  faultPoint('job.before-submit');
  const reference = found ?? (await submit());
  faultPoint('job.after-submit');
  await jobs.submitted(owner, part, kind, reference);
  return reference;
}

/**
 * Submits a job with calls that must not be made twice. If it was certainly not started, the next attempt submits it.
 * @param notStarted called in that case
 */
export async function submitOnce(
  jobs: Jobs,
  { owner, part, kind }: Submission,
  system: Pick<LongJob, 'find'>,
  calls: Calls,
  submit: (calls: Calls) => Promise<JobReference>,
  notStarted: () => Promise<void> = async () => undefined,
): Promise<JobReference> {
  const wire = { isBusy: false };
  try {
    return await submit(watchedCalls(calls, wire));
  } catch (error) {
    if (!wire.isBusy || isWithoutEffect(error)) {
      await notStarted();
      // If the system can be asked, the note stays: `find` then also clears away a job that was made and not started.
      if (system.find === undefined) await jobs.withdraw(owner, part, kind);
    }
    throw error;
  }
}

/** True where a failure says that the system knows a job no longer. */
export function isLost(error: unknown): error is TransientError {
  return error instanceof TransientError && error.code === jobLost;
}

/** Shortest and longest pause between two questions about a job, where the system names none. Milliseconds. */
const pause = { least: 1_000, most: 60_000 };

/** When to ask again how a job is doing: soon at first, then more and more rarely. Milliseconds. */
export function againMs(submittedAt: Date | undefined, said?: number): number {
  if (said !== undefined) return Math.max(pause.least, said);
  const age = submittedAt === undefined ? 0 : Date.now() - submittedAt.getTime();
  return Math.min(pause.most, Math.max(pause.least, age / 4));
}
