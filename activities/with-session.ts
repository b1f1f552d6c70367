import { Context } from '@temporalio/activity';
import { classify } from './classify.ts';
import type { Dependencies, Session, Sessions } from './session.ts';

/** Beats while an activity makes progress; every call inside is bounded by a time-out of its own. */
const beatMs = 2_000;

/** Runs an activity's work on the run's session: beats, classifies failures, notes recovery. */
export async function withSession<T>(
  { store, sessions }: Dependencies & { sessions: Sessions },
  run: string,
  work: (session: Session, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const context = Context.current();
  const timer = setInterval(() => context.heartbeat(), beatMs);
  try {
    const result = await sessions.use(run, (session) => work(session, context.cancellationSignal));
    await store.runs.recovered(run);
    return result;
  } catch (error) {
    // An aborted call fails in its own words: what counts is that the activity was cancelled.
    if (context.cancellationSignal.aborted) await context.cancelled;
    throw await classify(error, store.runs, { run, attempt: context.info.attempt });
  } finally {
    clearInterval(timer);
  }
}
