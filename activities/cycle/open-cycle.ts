import { compileEntity, type EntityPlan } from '../../src/engine/entity/plan.ts';
import { destinationSyncId, destinationSyncs } from '../../src/model/entity-syncs.ts';
import type { MissingSource } from '../../src/model/cycle.ts';
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
import { goOnWithout, outageOf, type Outage } from '../entity/missing-sources.ts';
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
      return opened(entity, await store.missingSources.of(run));
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

function opened({ id, spec }: OpenEntity, missing: readonly MissingSource[]): OpenedCycle {
  const down = new Set(missing.map(({ source }) => source));
  const sources = Object.entries(spec.sources).filter(([name]) => !down.has(name));
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
  // A system that cannot be read is not written either: someone may have edited it in the meantime.
  const destinations = Object.keys(spec.destinations)
    .filter((name) => !down.has(name))
    .map((name) => destinationSyncId(id, name));
  return { readings, scans, merges: spec.merge !== undefined, destinations };
}

/**
 * Opens every source that is not down, settles its passes, and compiles the entity with the sources' fields, which must fit
 * its declaration.
 */
async function settlePasses(
  deps: WorkerDependencies,
  run: string,
  entity: OpenEntity,
  signal: AbortSignal,
): Promise<EntityPlan> {
  const { store } = deps;
  const { full = false } = (await store.runs.get(run))?.options ?? {};
  const known = new Map<string, KnownFields>();
  const warnings: RunWarning[] = [];
  const outages: Outage[] = [];
  const down = new Set((await store.missingSources.of(run)).map(({ source }) => source));
  for (const name of Object.keys(entity.spec.sources)) {
    if (down.has(name)) continue;
    try {
      const { fields, back } = await settleSource(deps, run, entity, name, { full, signal });
      known.set(name, fields);
      warnings.push(...back.map(movedBack));
    } catch (error) {
      const outage = outageOf(error, entity, name);
      if (outage === null) throw error;
      outages.push(outage);
    }
  }
  await goOnWithout(store, run, entity, outages);
  await store.runProgress.warn(run, warnings);
  return compileEntity(entity.spec, (name) => known.get(name) ?? nothingKnown);
}

/**
 * Opens a source and settles its passes.
 * @returns its fields, and `back`: those of its streams, by the names of their positions, whose highest watermark is below
 *   the one that was reached
 */
async function settleSource(
  { store, sessions }: WorkerDependencies,
  run: string,
  { no, spec: entity }: OpenEntity,
  name: string,
  { full, signal }: { full: boolean; signal: AbortSignal },
): Promise<{ fields: KnownFields; back: string[] }> {
  const spec = sourceOf(entity, name);
  const mark = sourceFingerprint(spec);
  const back: string[] = [];
  const settle = (reading: 'changes' | 'tombstones', position: string) =>
    withSource(sessions, run, spec, reading, signal, async (open) => {
      const before = await store.positions.get(no, position, mark);
      const pass = await settlePass(store, run, { source: name, reading }, open, before, full);
      if (pass.movedBack === true && pass.since !== null) back.push(position);
      return open.source;
    });
  const fields = await settle('changes', name);
  if (typeof spec.deleted === 'object' && 'stream' in spec.deleted)
    await settle('tombstones', tombstonesPositionName(name));
  return { fields, back };
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
