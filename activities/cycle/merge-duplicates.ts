import { findDuplicates, mergeKeys } from '../../src/engine/entity/duplicates.ts';
import { mergeGroup, type MergeCandidate, type Merged } from '../../src/engine/entity/merge.ts';
import { compileEntity, type EntityPlan } from '../../src/engine/entity/plan.ts';
import { nothingKnown } from '../../src/model/field.ts';
import { faultPoint } from '../../src/model/fault-point.ts';
import type { RecordId, SourceRecord, SystemId } from '../../src/model/golden-record.ts';
import { noStats } from '../../src/model/outcome.ts';
import type { Store } from '../../src/store/store.ts';
import type { CycleActivities } from '../activities.ts';
import type { WorkerDependencies } from '../session/with-session.ts';
import { supervised } from '../host/supervised.ts';
import { claimNextChunk } from '../host/attempt.ts';
import { openEntity, type OpenEntity } from '../entity/entity.ts';

/** The number of records that are compared at once. */
const batch = 1000;

/**
 * Merges records that share match keys, a batch in a transaction, until none are left: a winner may come to share a key
 * with further records. Groups that are too large are reported instead; so are all groups if the entity only reports.
 * Groups with a record of a source that is down wait: the source may have changed it meanwhile.
 */
export function mergeDuplicates(deps: WorkerDependencies): CycleActivities['mergeDuplicates'] {
  return ({ run, entity: id }) =>
    supervised(deps, run, async (signal) => {
      const { store } = deps;
      await store.runProgress.enter(run, 'merge');
      const entity = await openEntity(store, id, run);
      if (entity.spec.merge === undefined) return;
      const plan = compileEntity(entity.spec, () => nothingKnown);
      const missing = (await store.missingSources.of(run)).map(({ source }) => source);
      let no = (await store.chunks.of('merge').lastExported(run))?.no ?? -1;
      for (;;) {
        signal.throwIfAborted();
        const due = await store.records.toMerge(entity.ref, batch, missing);
        if (due.length === 0) return;
        await mergeBatch(store, { run, no: (no += 1), missing }, entity, plan, due);
      }
    });
}

async function mergeBatch(
  store: Store,
  { run, no, missing }: { run: string; no: number; missing: readonly string[] },
  entity: OpenEntity,
  plan: EntityPlan,
  due: readonly RecordId[],
): Promise<void> {
  const { ref, openCycle: cycle, spec } = entity;
  const { guard = 0, report = false } = spec.merge ?? {};
  const chunks = store.chunks.of('merge');
  const token = await claimNextChunk(chunks, run, no);
  const records = await store.records.records(ref, due);
  const keys = [...new Set(records.flatMap(({ values }) => mergeKeys(plan, values)))];
  const shared = await store.matchKeys.find(ref, keys, guard + 1);
  const { groups: all, tooLarge } = findDuplicates(shared, guard);
  const waiting = new Set(await store.sourceRecords.among(all.flat(), missing));
  const groups = all.filter((group) => !group.some((id) => waiting.has(id)));
  const merging = report ? [] : groups;
  const merged = await mergeAll(store, entity, plan, merging);
  const reported = [
    ...tooLarge.map((group) => ({ records: group.records, reason: 'guard' })),
    ...(report ? groups.map((group) => ({ records: group, reason: 'report' })) : []),
  ];
  faultPoint('merge.before-commit');
  const counts = {
    'merge.groups': merging.length,
    'merge.merged': merged.reduce((sum, { losers }) => sum + losers.length, 0),
    'merge.reported': reported.length,
  };
  await chunks.commit(run, no, token, { state: 'exported', stats: noStats, counts }, async (tx) => {
    await store.records.compared(due, tx);
    await store.records.compareAgain([...waiting], tx);
    for (const group of reported) await store.groups.put(entity.no, { ...group, cycle }, tx);
    for (const group of merging) await store.groups.forget(entity.no, group, tx);
    await store.records.save(tx, ref, {
      cycle,
      run,
      records: merged.flatMap(({ winner, losers }) => [winner, ...losers]),
      sourceRecords: [],
      detached: [],
      moved: merged.flatMap(({ moved }) => moved),
      extra: merged.flatMap(({ extra }) => extra),
      entries: merged.flatMap(({ entries }) => entries),
    });
  });
  faultPoint('merge.after-commit');
}

type MergedGroup = Merged & { readonly extra: readonly SystemId[] };

async function mergeAll(
  { records, sourceRecords: mapping }: Store,
  { ref, openCycle }: OpenEntity,
  plan: EntityPlan,
  groups: readonly (readonly RecordId[])[],
): Promise<MergedGroup[]> {
  const ids = groups.flat();
  const loaded = new Map((await records.records(ref, ids)).map((record) => [record.id, record]));
  const sourceRecords = await mapping.ofRecords(ref, ids);
  const entries = await records.entries(ref, openCycle, ids);
  return groups.flatMap((group) => {
    const candidates = group.flatMap((id): MergeCandidate[] => {
      const record = loaded.get(id);
      if (record === undefined) return [];
      return [{ record, sourceRecords: sourceRecords.get(id) ?? [], entry: entries.get(id) }];
    });
    if (candidates.length < 2) return [];
    const context = { cycle: openCycle, now: Date.now() };
    const merged = mergeGroup(plan, candidates, context);
    return [{ ...merged, extra: extraIds(merged, sourceRecords) }];
  });
}

/**
 * Returns the ids that the winner gets in systems where it has one already. Its own id stays the one that is written
 * to.
 */
function extraIds(
  { winner, moved }: Merged,
  before: ReadonlyMap<RecordId, readonly SourceRecord[]>,
): SystemId[] {
  const taken = new Set((before.get(winner.record.id) ?? []).map(({ system }) => system));
  return moved.filter(({ system }) => {
    const extra = taken.has(system);
    taken.add(system);
    return extra;
  });
}
