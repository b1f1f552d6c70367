import { faultPoint } from '../src/model/fault-point.ts';
import { isWhole, type Run, type RunOutcome } from '../src/model/run.ts';
import type { Ended, RunActivities } from './activities.ts';
import { fingerprint, type Dependencies, type Session, type Sessions } from './session.ts';
import { endEarly } from './end-early.ts';
import { attended } from './with-session.ts';

/** Ends a run: what it wrote becomes visible, its watermark moves (R3), what it staged goes. */
export function closeRun(deps: Dependencies & { sessions: Sessions }): RunActivities['closeRun'] {
  return ({ run, end: { status, failure } }) =>
    attended(deps, run, async () => {
      const { sessions, store } = deps;
      if (status === 'completed') await sessions.use(run, (session) => complete(deps, session));
      else await endEarly(deps, run, { status, failure });
      await sessions.drop(run);
      return endOf(await store.runs.get(run));
    });
}

function endOf(run: Run | null): Ended {
  if (run === null) throw new Error('the run does not exist any more');
  const { status, stats, failure } = run;
  if (status !== 'completed' && status !== 'failed' && status !== 'cancelled')
    throw new Error(`run ${run.id} did not end`);
  return { status, stats, failure };
}

async function complete({ store }: Dependencies, session: Session): Promise<void> {
  const { run, plan, destination } = session;
  faultPoint('close.before-tidy');
  if (destination.kind === 'staging') await destination.cleanUp(run);
  else if (plan.options.dryRun === true) await destination.abandon?.(run);
  else await destination.finish?.(run);
  faultPoint('close.after-tidy');
  const watermark = isWhole(plan.options) ? plan.until : null;
  if (watermark !== null) {
    await store.watermarks.put(plan.sync, {
      fingerprint: fingerprint(plan.spec),
      value: watermark,
      run,
    });
  }
  faultPoint('close.after-watermark');
  const summary = await store.runs.get(run);
  await store.runs.finish(run, {
    status: 'completed',
    outcome: summary === null ? 'ok' : outcomeOf(summary),
    failure: null,
    watermark,
  });
  faultPoint('close.after-finish');
  await store.chunks.cleanUp(run);
  await store.runs.chainTidied(run);
  faultPoint('close.after-clean-up');
}

function outcomeOf({ stats }: Run): RunOutcome {
  if (stats.errors + stats.removeErrors > 0) return 'partial';
  return stats.created + stats.updated + stats.removed === 0 ? 'nothing_written' : 'ok';
}
