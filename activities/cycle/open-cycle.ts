import { compileEntity, type EntityPlan } from '../../src/engine/entity/plan.ts';
import { destinationSyncId, destinationSyncs } from '../../src/model/entity-syncs.ts';
import { nothingKnown, type KnownFields } from '../../src/model/field.ts';
import { faultPoint } from '../../src/model/fault-point.ts';
import type { RunWarning } from '../../src/model/run.ts';
import type { CycleActivities, OpenedCycle } from '../activities.ts';
import { destinationEndOf } from '../ends/open-ends.ts';
import { movedBack } from '../ends/watermark.ts';
import type { WorkerDependencies } from '../session/with-session.ts';
import { supervised } from '../host/supervised.ts';
import { endCycle } from './close-cycle.ts';
import {
  openEntity,
  sourceFingerprint,
  sourceOf,
  withSource,
  type OpenEntity,
} from '../entity/entity.ts';
import { settlePass, tombstonesPositionName } from '../entity/passes.ts';
import { reindex } from './reindex.ts';

/** The most refused records that one cycle tries again. */
const mostTriedAgain = 1_000;

/** Checks all ends of an entity, and settles where the read of each source begins and ends. */
export function openCycle(deps: WorkerDependencies): CycleActivities['openCycle'] {
  return ({ run, entity: id }) =>
    supervised(deps, run, async (signal) => {
      const { store } = deps;
      // A scheduled cycle is created here; one that the API started exists already.
      await store.runPlans.createCycle({ id: run, entity: id, options: {} });
      await store.runProgress.beginCycle(run);
      await endDead(store, run);
      const entity = await openEntity(store, id, run);
      await checkDestinations(deps, run, entity);
      const plan = await settlePasses(deps, run, entity, signal);
      await reindex(store, entity, plan, signal);
      await tryAgain(store, entity);
      faultPoint('open.after-plan');
      return opened(entity);
    });
}

/** Ends earlier cycles whose workflow was terminated, which nobody else does. */
async function endDead(store: WorkerDependencies['store'], run: string): Promise<void> {
  const failure = { code: 'terminated', message: 'the workflow was ended from outside' };
  for (const dead of await store.leftovers.deadCycles(run))
    await endCycle(store, dead, { status: 'failed', failure });
}

/** Brings records that destinations have refused to the end of the change log, if they are due to be tried again. */
async function tryAgain(
  { refused, records }: WorkerDependencies['store'],
  { no, spec }: OpenEntity,
): Promise<void> {
  const destinations = Object.keys(spec.destinations);
  await records.deliverAgain(await refused.due(no, destinations, mostTriedAgain));
}

function opened({ id, spec }: OpenEntity): OpenedCycle {
  const sources = Object.entries(spec.sources);
  const readings = sources.flatMap(([source, { deleted }]) => {
    const tombstones = typeof deleted === 'object' && 'stream' in deleted;
    return [
      { source, reading: 'changes' as const },
      ...(tombstones ? [{ source, reading: 'tombstones' as const }] : []),
    ];
  });
  const scans = sources
    .filter(([, { deleted }]) => typeof deleted === 'object' && 'scan' in deleted)
    .map(([source]) => source);
  const destinations = Object.keys(spec.destinations).map((name) => destinationSyncId(id, name));
  return { readings, scans, merges: spec.merge !== undefined, destinations };
}

/**
 * Opens every source, settles its passes, and compiles the entity with the sources' fields, which must fit its
 * declaration.
 */
async function settlePasses(
  deps: WorkerDependencies,
  run: string,
  entity: OpenEntity,
  signal: AbortSignal,
): Promise<EntityPlan> {
  const { store, sessions } = deps;
  const { full = false } = (await store.runs.get(run))?.options ?? {};
  const known = new Map<string, KnownFields>();
  const warnings: RunWarning[] = [];
  for (const name of Object.keys(entity.spec.sources)) {
    const spec = sourceOf(entity.spec, name);
    const mark = sourceFingerprint(spec);
    await withSource(sessions, run, spec, 'changes', signal, async (open) => {
      known.set(name, open.source);
      const before = await store.positions.get(entity.no, name, mark);
      const reading = { source: name, reading: 'changes' } as const;
      const pass = await settlePass(store, run, reading, open, before, full);
      if (pass.movedBack === true && pass.since !== null) warnings.push(movedBack(name));
    });
    if (typeof spec.deleted !== 'object' || !('stream' in spec.deleted)) continue;
    await withSource(sessions, run, spec, 'tombstones', signal, async (open) => {
      const before = await store.positions.get(entity.no, tombstonesPositionName(name), mark);
      const reading = { source: name, reading: 'tombstones' } as const;
      const pass = await settlePass(store, run, reading, open, before, full);
      if (pass.movedBack === true && pass.since !== null)
        warnings.push(movedBack(tombstonesPositionName(name)));
    });
  }
  await store.runProgress.warn(run, warnings);
  return compileEntity(entity.spec, (name) => known.get(name) ?? nothingKnown);
}

async function checkDestinations(
  deps: WorkerDependencies,
  run: string,
  { id, spec }: OpenEntity,
): Promise<void> {
  for (const sync of Object.values(destinationSyncs(id, spec))) {
    const connected = await deps.sessions.connect(sync.destination.connection, run);
    try {
      destinationEndOf(connected, sync);
    } finally {
      await connected.connection.close();
    }
  }
}
