import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { abortedLater } from '../../src/model/abort.ts';
import { classify } from './classify.ts';
import type { Dependencies } from './dependencies.ts';
import type { Steering } from './steering.ts';

/**
 * Between two beats of an activity; every call inside is bounded by a time-out of its own. Each is billed, so they only
 * tell that the worker is alive: whoever steers the run asks for more.
 */
const beatMs = 5_000;
/** How long work that was told to stop may take to come to a safe point. Milliseconds. */
const stopMs = 8_000;

/** Runs an activity's work: beats, classifies failures, notes recovery, gives way when it is told to stop. */
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
    await store.runs.recovered(run);
    return result;
  } catch (error) {
    // An aborted call fails in its own words: what counts is that the activity was stopped.
    if (signal.aborted) throw await stopped(context);
    const failure = await classify(error, store.runs, { run, attempt: context.info.attempt });
    // It fails the run: what else is under way is about to be stopped.
    if (failure instanceof ApplicationFailure && failure.nonRetryable === true)
      await store.runs.steer(run).catch(() => undefined);
    throw failure;
  } finally {
    clearInterval(timer);
    unwatch();
  }
}

/** Rejects when the work was told to stop and has not: it is fenced off (R6), so nobody needs to wait for it. */
function overdue(signal: AbortSignal): Promise<never> {
  const late = abortedLater(signal, stopMs);
  return new Promise((_, reject) => {
    late.addEventListener('abort', () => reject(late.reason as Error), { once: true });
  });
}

/** A worker that leaves hands its work back at once; otherwise the run does not want it any more. */
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
