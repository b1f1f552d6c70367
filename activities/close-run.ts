import { faultPoint } from '../src/model/fault-point.ts';
import type { Stats } from '../src/model/outcome.ts';
import type { Run, RunOutcome } from '../src/model/run.ts';
import type { RunActivities } from './activities.ts';
import { fingerprint, type Dependencies, type Session, type Sessions } from './session.ts';
import { settleInterrupted } from './settle-interrupted.ts';
import { withSession } from './with-session.ts';

/** Ends a run: what it wrote becomes visible, its watermark moves (R3), what it staged goes. */
export function closeRun(deps: Dependencies & { sessions: Sessions }): RunActivities['closeRun'] {
  return async ({ run, end }) => {
    if (end.status === 'completed') {
      await withSession(deps, run, (session) => complete(deps, session));
    } else {
      // What failed the run may stand in the way of tidying up: the next run of the sync tidies then.
      await deps.sessions.use(run, (session) => tidy(session, false)).catch(() => undefined);
      await settleInterrupted(deps, run);
      await deps.store.runs.finish(run, { ...end, outcome: null, watermark: null });
    }
    faultPoint('close.after-finish');
    await deps.store.chunks.cleanUp(run);
    faultPoint('close.after-clean-up');
    await deps.sessions.drop(run);
    return (await deps.store.runs.get(run))?.stats as Stats;
  };
}

async function complete({ store }: Dependencies, session: Session): Promise<void> {
  const { run, plan } = session;
  const { dryRun, limit, retryOf } = plan.options;
  faultPoint('close.before-tidy');
  await tidy(session, dryRun !== true);
  faultPoint('close.after-tidy');
  const whole = dryRun !== true && limit === undefined && retryOf === undefined;
  const watermark = whole ? plan.until : null;
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
}

async function tidy({ run, destination }: Session, visible: boolean): Promise<void> {
  if (destination.kind === 'staging') await destination.cleanUp(run);
  else if (visible) await destination.finish?.(run);
  else await destination.abandon?.(run);
}

function outcomeOf({ stats }: Run): RunOutcome {
  if (stats.errors + stats.removeErrors > 0) return 'partial';
  return stats.created + stats.updated + stats.removed === 0 ? 'nothing_written' : 'ok';
}
