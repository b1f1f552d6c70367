import { ConfigError } from '../../src/model/failure.ts';
import { faultPoint } from '../../src/model/fault-point.ts';
import { writesAllDue, readsAllDue, type RunWarning } from '../../src/model/run.ts';
import type { OpenedRun } from '../../src/model/workflow.ts';
import { watermarkOf } from '../../src/model/sync.ts';
import type { RunActivities } from '../activities.ts';
import { isBehind, movedBack, settledUpTo, watermarkFingerprint } from '../ends/watermark.ts';
import { createRun } from './create-run.ts';
import type { WorkerDependencies } from '../session/with-session.ts';
import type { Session } from '../session/session.ts';
import { tidyRemains } from './end-early.ts';
import { supervised } from '../host/supervised.ts';

/** Checks both ends before any record moves, and settles where the read begins and how the run writes. */
export function openRun(deps: WorkerDependencies): RunActivities['openRun'] {
  return (started) => {
    const { run, sync, parent } = started;
    return supervised(deps, run, async (signal) => {
      const { store, sessions } = deps;
      if (parent !== undefined) {
        faultPoint('deliver.before-start');
        await store.runProgress.enter(parent, 'deliver');
      }
      await createRun(store, started);
      const plan = await store.runPlans.get(run);
      if (plan === null)
        throw new ConfigError('unknown_sync', `sync ${sync} does not exist (any more)`);
      if (writesAllDue(plan.options)) await tidyRemains(deps, run, plan.origin);
      return sessions.use(run, async (session) => {
        await preparePreview(deps, session);
        return settle(deps, session, signal);
      });
    });
  };
}

/** Drops old previews, which hold values of records and are not kept for long, and begins that of a dry run. */
async function preparePreview(
  { store }: WorkerDependencies,
  { ends, path }: Session,
): Promise<void> {
  const dryRun = ends.plan.options.dryRun === true;
  await store.previews.expire(dryRun ? ends.run : null);
  if (dryRun) await store.previews.put(ends.run, 'open', path.preview);
}

async function settle(
  { store }: WorkerDependencies,
  { ends, path, origin, warnings }: Session,
  signal: AbortSignal,
): Promise<OpenedRun> {
  const { run, plan, source } = ends;
  const { spec, options, sync } = plan;
  const calls = ends.callSource({ signal });
  const incremental = spec.source.watermark !== undefined && options.retryOf === undefined;
  const until = incremental ? ((await source.highWatermark?.(calls)) ?? null) : null;
  const settled = await settledUpTo(source, until, calls);
  // A mirror must know every record that is left, so it reads all of them (R7).
  const everything = path.removes === 'unseen' || options.full === true || !incremental;
  const reached = everything
    ? null
    : (await store.watermarks.get(sync, watermarkFingerprint(spec))).value;
  // An entity's change log ends earlier when its last record is erased; nothing is missed then.
  const isBack = origin === null && isBehind(until, reached);
  faultPoint('open.before-plan');
  ends.plan = await store.runPlans.open(run, {
    kind: path.kind,
    since: reached ?? origin,
    until,
    settled: isBack ? reached : settled.watermark,
    warnings: [
      ...warnings,
      ...(settled.ahead ? [ahead(watermarkOf(spec.source)?.field ?? '')] : []),
      ...(isBack ? [movedBack(spec.source.connection)] : []),
    ],
  });
  faultPoint('open.after-plan');
  return {
    kind: path.kind,
    mode: spec.mode,
    removes: path.removes !== 'nothing' && readsAllDue(options),
    dryRun: options.dryRun === true,
    // A retry has no limit on errors: records that failed before may well fail again.
    ...(spec.stopAfter !== undefined &&
      options.retryOf === undefined && { stopAfter: spec.stopAfter }),
  };
}

function ahead(field: string): RunWarning {
  const message = `some records have a ${field} ahead of the present; the watermark stays behind it, and each run reads them again`;
  return { code: 'watermark_ahead', message };
}
