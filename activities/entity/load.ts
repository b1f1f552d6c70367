import type { EntityPlan, Incoming } from '../../src/engine/entity/plan.ts';
import { keysToFind, type Loaded } from '../../src/engine/entity/unify.ts';
import type { IncomingRecord, RecordId } from '../../src/model/golden-record.ts';
import type { Store } from '../../src/store/store.ts';
import type { OpenEntity } from './entity.ts';

/** What is stored of incoming records; `unknown`: so many may become new records. */
export type LoadedChunk = Loaded & { readonly unknown: number };

/** Loads what the engine must know to unify these records of one system. */
export async function load(
  { records, sourceRecords: mapping, matchKeys }: Store,
  { ref, openCycle }: OpenEntity,
  plan: EntityPlan,
  { system, incoming }: { system: string; incoming: readonly Incoming[] },
): Promise<LoadedChunk> {
  const whole = incoming.filter((one): one is IncomingRecord => 'source' in one);
  const ids = unique(whole.map(({ id }) => id));
  const sourceRecords = await mapping.find(ref, system, ids);
  const owned = await records.records(ref, unique(sourceRecords.map(({ record }) => record)));
  const live = new Set(owned.map(({ id }) => id));
  const known = new Set(sourceRecords.filter(({ record }) => live.has(record)).map(({ id }) => id));
  const byKey = await matchKeys.find(
    ref,
    keysToFind(plan, incoming, (_, id) => known.has(id)),
  );
  const candidates = unique([...byKey.values()].flat());
  const matching = await records.records(
    ref,
    candidates.filter((id) => !live.has(id)),
  );
  const loaded = [...owned, ...matching];
  const all = loaded.map(({ id }) => id);
  // A record's ids matter where it is a candidate, or where one leaves it.
  const deletes = whole.some(({ deleted }) => deleted);
  const idsOf = await idsOfAll(mapping, ref, deletes ? all : candidates);
  const entries = await records.entries(ref, openCycle, all);
  return {
    records: loaded,
    sourceRecords,
    idsOf,
    byKey,
    entries,
    unknown: ids.length - known.size,
  };
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}

async function idsOfAll(
  mapping: Store['sourceRecords'],
  ref: OpenEntity['ref'],
  wanted: readonly RecordId[],
): Promise<Map<RecordId, { system: string; id: string }[]>> {
  const all = await mapping.ofRecords(ref, wanted);
  return new Map(
    [...all].map(([record, of]) => [record, of.map(({ system, id }) => ({ system, id }))]),
  );
}
