import { milliseconds } from '../../src/model/duration.ts';
import { faultPoint } from '../../src/model/fault-point.ts';
import type { Run, RunOutcome, RunFailure } from '../../src/model/run.ts';
import type { CycleActivities } from '../activities.ts';
import { endOf } from '../run/close-run.ts';
import type { WorkerDependencies } from '../session/with-session.ts';
import { supervised } from '../host/supervised.ts';
import { openEntity, sourceFingerprint, type OpenEntity } from '../entity/entity.ts';
import { passAfter, tombstonesPositionName } from '../entity/passes.ts';
import type { Store } from '../../src/store/store.ts';

const expiredAtOnce = 50_000;

/**
 * Ends a cycle. Only a cycle that completes moves the positions of its sources; after any other, the next reads the
 * same again.
 */
export function closeCycle(deps: WorkerDependencies): CycleActivities['closeCycle'] {
  return ({ run, entity: id, end: { status, failure }, more }) =>
    supervised(deps, run, async () => {
      const { store } = deps;
      await store.runProgress.enter(run, 'close');
      if (status !== 'completed') {
        // A cycle may end before its first step has created it.
        await store.runPlans.createCycle({ id: run, entity: id, options: {} });
        await endCycle(store, run, { status, failure });
        return endOf(await store.runs.get(run));
      }
      const entity = await openEntity(store, id, run);
      faultPoint('cycle.before-positions');
      await movePositions(deps, run, entity);
      faultPoint('cycle.after-positions');
      await store.missingSources.settle(run, entity.no);
      await store.entities.completed(id, entity.openCycle, run);
      faultPoint('cycle.after-number');
      await store.runProgress.noteMore(run, more);
      const outcome = await outcomeOf(deps, run);
      await store.runProgress.finish(run, { status, failure, outcome, watermark: null });
      faultPoint('cycle.after-finish');
      await store.seenIds.drop(run);
      await expire(deps, entity);
      return endOf(await store.runs.get(run));
    });
}

async function movePositions({ store }: WorkerDependencies, run: string, entity: OpenEntity) {
  for (const [name, spec] of Object.entries(entity.spec.sources)) {
    const fingerprint = sourceFingerprint(spec);
    const changes = await passAfter(store, run, { source: name, reading: 'changes' });
    if (changes !== null) {
      const scanned = await store.passes.isScanned(run, name);
      const position = { ...changes.position, ...(scanned && { scannedAt: Date.now() }) };
      await store.positions.put(entity.no, name, { fingerprint, position, run });
    }
    const deleted = await passAfter(store, run, { source: name, reading: 'tombstones' });
    if (deleted === null) continue;
    const mark = { fingerprint, position: deleted.position, run };
    await store.positions.put(entity.no, tombstonesPositionName(name), mark);
  }
}

async function outcomeOf({ store }: WorkerDependencies, run: string): Promise<RunOutcome> {
  const cycle = await store.runs.get(run);
  const children = await Promise.all(
    (cycle?.cycle?.children ?? []).map((child) => store.runs.get(child)),
  );
  const all = [cycle, ...children].filter((one): one is Run => one !== null);
  const partial = all.some(
    ({ status, stats }) => status === 'failed' || stats.errors + stats.removeErrors > 0,
  );
  if (partial || (cycle?.cycle?.missing.length ?? 0) > 0) return 'partial';
  const merged = cycle?.cycle?.stages.find(({ name }) => name === 'merge')?.counts['merged'] ?? 0;
  const written = all.reduce(
    (sum, { stats }) => sum + stats.created + stats.updated + stats.removed,
    merged,
  );
  return written === 0 ? 'nothing_written' : 'ok';
}

/**
 * Deletes log entries older than the history is to be kept, and equally old deleted records that every destination has
 * passed.
 */
async function expire(
  { store }: WorkerDependencies,
  { id, no, ref, spec }: OpenEntity,
): Promise<void> {
  if (spec.history === undefined) return;
  const keepMs = milliseconds(spec.history.keep);
  const limit = expiredAtOnce;
  while ((await store.log.expire(no, keepMs, limit)) === limit);
  const destinations = Object.keys(spec.destinations);
  const lags = await Promise.all(destinations.map((name) => store.golden.lag(id, name)));
  const marks = lags.map(({ watermark }) => BigInt(watermark ?? 0));
  const upTo = marks.length === 0 ? null : String(marks.reduce((a, b) => (a < b ? a : b)));
  while ((await store.records.forgetDeleted(ref, { keepMs, upTo, limit })) === limit);
}

/** Ends a cycle that does not complete. Afterwards no attempt of it can change anything (R6). */
export async function endCycle(
  { runProgress, chunks, seenIds }: Store,
  run: string,
  end: { status: 'failed' | 'cancelled'; failure: RunFailure | null },
): Promise<void> {
  await runProgress.finish(run, { ...end, outcome: null, watermark: null });
  await chunks.fenceOff(run);
  await seenIds.drop(run);
}
