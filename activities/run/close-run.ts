import { faultPoint } from '../../src/model/fault-point.ts';
import { noStats } from '../../src/model/outcome.ts';
import { writesAllDue, type Run, type RunOutcome } from '../../src/model/run.ts';
import type { Ended, RunActivities } from '../activities.ts';
import { createRun } from './create-run.ts';
import type { WorkerDependencies } from '../session/with-session.ts';
import type { Ends } from '../session/ends.ts';
import { watermarkFingerprint } from '../session/watermark.ts';
import type { Session } from '../session/session.ts';
import { endEarly } from './end-early.ts';
import { supervised } from '../host/supervised.ts';

/** Ends a run: makes what it wrote visible, moves its watermark (R3), and drops what it staged. */
export function closeRun(deps: WorkerDependencies): RunActivities['closeRun'] {
  return ({ end: { status, failure }, ...started }) =>
    supervised(deps, started.run, async (signal) => {
      const { sessions, store } = deps;
      const { run } = started;
      // A run may end before its first step has created it.
      if (status !== 'completed') await createRun(store, started);
      await store.runProgress.enter(run, 'close');
      if (status === 'completed')
        await sessions.use(run, (session) => complete(deps, session, signal));
      else if (!(await endEarly(deps, run, { status, failure })))
        return { status, failure, stats: noStats };
      await sessions.drop(run);
      return endOf(await store.runs.get(run));
    });
}

/** Returns the end of a run, as its workflow is told. */
export function endOf(run: Run | null): Ended {
  if (run === null) throw new Error('the run does not exist any more');
  const { status, stats, failure } = run;
  if (status !== 'completed' && status !== 'failed' && status !== 'cancelled')
    throw new Error(`run ${run.id} did not end`);
  return { status, stats, failure };
}

async function complete(
  { store }: WorkerDependencies,
  { ends, path }: Session,
  signal: AbortSignal,
) {
  const { run } = ends;
  const summary = await store.runs.get(run);
  // An earlier attempt may have finished the run, and dropped what a repeated `finish` needs.
  if (summary?.status !== 'completed') await finish(store, { ends, path }, summary, signal);
  await path.forget(signal);
  await store.chunks.cleanUp(run);
  await store.leftovers.chainTidied(run);
  faultPoint('close.after-clean-up');
}

/** Makes the written records visible, moves the watermark, and notes the end. */
async function finish(
  store: WorkerDependencies['store'],
  { ends, path }: Pick<Session, 'ends' | 'path'>,
  summary: Run | null,
  signal: AbortSignal,
): Promise<void> {
  await path.finish(summary === null ? 0 : writtenOf(summary), signal);
  faultPoint('close.after-tidy');
  const watermark = writesAllDue(ends.plan.options) ? await moveWatermark(store, ends) : null;
  faultPoint('close.after-watermark');
  await store.runProgress.finish(ends.run, {
    status: 'completed',
    outcome: summary === null ? 'ok' : outcomeOf(summary),
    failure: null,
    watermark,
  });
  faultPoint('close.after-finish');
}

/** Counts the operations that the destination has acknowledged. */
function writtenOf({ stats }: Run): number {
  return stats.created + stats.updated + stats.removed;
}

/**
 * Moves the watermark. For a source that cannot tell its highest watermark before it is read, the new watermark is the
 * highest one that the run *before* has met. Example: while this run reads, a record that it has passed changes. That
 * change is newer than all that the run before met, but may be older than what this run meets later, and would be
 * missed (R3).
 */
async function moveWatermark(
  { watermarks, chunks }: WorkerDependencies['store'],
  { run, plan, source }: Ends,
): Promise<string | null> {
  if (plan.spec.source.watermark === undefined) return null;
  const mark = { fingerprint: watermarkFingerprint(plan.spec), run };
  if (source.highWatermark !== undefined) {
    if (plan.settled !== null)
      await watermarks.put(plan.sync, { ...mark, value: plan.settled, seen: null });
    return plan.settled;
  }
  const before = await watermarks.get(plan.sync, mark.fingerprint);
  // An earlier attempt may have moved it already.
  if (before.run === run) return before.value;
  const value = before.seen ?? before.value;
  const seen = (await chunks.highest(run)) ?? before.seen;
  await watermarks.put(plan.sync, { ...mark, value, seen });
  return value;
}

function outcomeOf({ stats }: Run): RunOutcome {
  if (stats.errors + stats.removeErrors > 0) return 'partial';
  return stats.created + stats.updated + stats.removed === 0 ? 'nothing_written' : 'ok';
}
