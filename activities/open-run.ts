import { faultPoint } from '../src/model/fault-point.ts';
import { permissionsOf } from '../src/model/mode.ts';
import type { OpenedRun } from '../src/model/workflow.ts';
import type { RunActivities } from './activities.ts';
import { fingerprint, type Dependencies, type Session, type Sessions } from './session.ts';
import { withSession } from './with-session.ts';

/** Checks both sides before anything moves, and settles from where to read and how to write. */
export function openRun(deps: Dependencies & { sessions: Sessions }): RunActivities['openRun'] {
  return async ({ run, sync }) => {
    const spec = await deps.store.catalog.sync(sync);
    // A scheduled run is made here; one started by the API is there already.
    if (spec !== null) await deps.store.runs.create({ id: run, sync, spec, options: {} });
    return withSession(deps, run, (session) => settle(deps, session));
  };
}

async function settle({ store }: Dependencies, session: Session): Promise<OpenedRun> {
  const { run, plan, source, destination } = session;
  const { spec, options, sync } = plan;
  const { remove } = permissionsOf(spec.mode);
  const complete = options.limit === undefined && options.retryOf === undefined;
  const incremental = spec.source.watermark !== undefined && options.retryOf === undefined;
  const until = incremental ? ((await source.highWatermark?.()) ?? null) : null;
  // A mirror must know every record that is left, so it reads all of them (R7).
  const everything = remove || options.full === true || !incremental;
  const since = everything ? null : await store.watermarks.get(sync, fingerprint(spec));
  faultPoint('open.before-plan');
  session.plan = await store.runs.open(run, { kind: destination.kind, since, until });
  faultPoint('open.after-plan');
  return {
    kind: destination.kind,
    mode: spec.mode,
    removes: remove && complete,
    dryRun: options.dryRun === true,
  };
}
