import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { abortedLater } from '../../src/model/abort.ts';
import { classify } from './classify.ts';
import type { Dependencies } from './dependencies.ts';
import type { Steering } from './steering.ts';

/**
 * The time between two heartbeats of an activity. They only tell that the worker is alive, since each is billed;
 * {@link Steering} asks for more when the run is steered. Milliseconds.
 */
const beatMs = 5_000;
/** The time that work which was told to stop may take to reach a safe point. Milliseconds. */
const stopMs = 8_000;

/**
 * Runs an activity's work: sends heartbeats, classifies failures, notes when a failing run recovers, and ends soon when
 * the activity is told to stop.
 */
export async function supervised<T>(
  { store, steering }: Pick<Dependencies, 'store'> & { readonly steering: Steering },
  run: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const context = Context.current();
  const signal = context.cancellationSignal;
  const beat = (): void => context.heartbeat();
  const timer = setInterval(beat, beatMs);
  const unwatch = steering.watch(run, beat);
  try {
    const result = await Promise.race([work(signal), overdue(signal)]);
    await store.runProgress.recovered(run);
    return result;
  } catch (error) {
    // An aborted call fails with an error of its own. It only matters that the activity was stopped.
    if (signal.aborted) throw await stopped(context);
    const failure = await classify(error, store.runProgress, {
      run,
      attempt: context.info.attempt,
    });
    // This failure ends the run, so its other activities are about to be stopped.
    if (failure instanceof ApplicationFailure && failure.nonRetryable === true)
      await store.runProgress.steer(run).catch(() => undefined);
    throw failure;
  } finally {
    clearInterval(timer);
    unwatch();
  }
}

/**
 * Rejects when the work was told to stop and did not in time. The fence (R6) keeps it harmless, so nobody waits for it.
 */
function overdue(signal: AbortSignal): Promise<never> {
  const late = abortedLater(signal, stopMs);
  return new Promise((_, reject) => {
    late.addEventListener('abort', () => reject(late.reason as Error), { once: true });
  });
}

/**
 * Returns the error to end with: a worker that shuts down hands its work back at once; else the run has cancelled it.
 */
async function stopped({ cancelled, cancellationDetails }: Context): Promise<unknown> {
  const reason = await cancelled.catch((error: unknown) => error);
  const leaving =
    cancellationDetails?.workerShutdown === true ||
    (reason instanceof Error && reason.message === 'WORKER_SHUTDOWN');
  if (!leaving) return reason;
  return ApplicationFailure.create({
    type: 'worker_left',
    message: 'the worker shuts down and hands its work back',
    nextRetryDelay: 100,
  });
}
