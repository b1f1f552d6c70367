import type { EntityPlan, Incoming } from '../../src/engine/entity/plan.ts';
import { keysToFind, type Loaded } from '../../src/engine/entity/unify.ts';
import type { GoldenRecord, IncomingRecord, RecordId } from '../../src/model/golden-record.ts';
import type { LoadedSourceRecord } from '../../src/store/entities/source-records.ts';
import type { Store } from '../../src/store/store.ts';
import type { OpenEntity } from './entity.ts';
import type { Uncommitted } from './uncommitted.ts';

/** What is stored of incoming records; `unknown`: so many may become new records. */
export type LoadedChunk = Loaded & {
  /** The source records as they are stored. */
  readonly stored: readonly LoadedSourceRecord[];
  readonly unknown: number;
  /** Whether the match key was looked up, and no record had it. */
  readonly vacant: (key: string) => boolean;
};

/** Which records are incoming, and what is not committed yet. */
interface Wanted {
  readonly system: string;
  readonly incoming: readonly Incoming[];
  readonly uncommitted?: Uncommitted | undefined;
}

/** Loads what the engine must know to unify these records of one system. */
export async function load(
  store: Store,
  { ref, openCycle }: OpenEntity,
  plan: EntityPlan,
  { system, incoming, uncommitted }: Wanted,
): Promise<LoadedChunk> {
  const { records, sourceRecords: mapping, matchKeys } = store;
  const live = async (ids: readonly RecordId[]): Promise<GoldenRecord[]> => {
    const found = await records.records(ref, ids);
    return uncommitted?.records(found, ids) ?? found;
  };
  const whole = incoming.filter((one): one is IncomingRecord => 'source' in one);
  const ids = unique(whole.map(({ id }) => id));
  const stored = await mapping.find(ref, system, ids);
  const sourceRecords =
    uncommitted?.sourceRecords(
      stored,
      ids.map((id) => ({ system, id })),
    ) ?? stored;
  const owned = await live(unique(sourceRecords.map(({ record }) => record)));
  const isLive = new Set(owned.map(({ id }) => id));
  const known = new Set(
    sourceRecords.filter(({ record }) => isLive.has(record)).map(({ id }) => id),
  );
  const keys = keysToFind(plan, incoming, (_, id) => known.has(id));
  const asked = new Set(keys);
  const matches = await matchKeys.find(ref, keys);
  const byKey = uncommitted?.byKey(matches, keys) ?? matches;
  const candidates = unique([...byKey.values()].flat());
  const matching = await live(candidates.filter((id) => !isLive.has(id)));
  const loaded = [...owned, ...matching];
  const all = loaded.map(({ id }) => id);
  // A candidate's systems matter; of what ids leave, all other ids.
  const deletes = uncommitted?.detaches === true || whole.some(({ deleted }) => deleted);
  const [idsOf, entries] = await Promise.all([
    deletes ? mapping.idsOf(ref, all) : mapping.systemsOf(ref, candidates),
    records.entries(ref, openCycle, all),
  ]);
  return {
    records: loaded,
    sourceRecords,
    stored,
    idsOf: uncommitted?.idsOf(idsOf, deletes ? all : candidates) ?? idsOf,
    byKey,
    entries: uncommitted?.entries(entries) ?? entries,
    unknown: ids.length - known.size,
    vacant: (key) => asked.has(key) && !byKey.has(key),
  };
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}
