import type { EntityPlan, Incoming } from '../../src/engine/entity/plan.ts';
import { compareIds } from '../../src/engine/entity/record-id.ts';
import { hasDeleted, keysToFind, type Loaded } from '../../src/engine/entity/unify.ts';
import type { GoldenRecord, RecordId, SourceRecord } from '../../src/model/golden-record.ts';
import { mostCandidates } from '../../src/store/entities/match-keys.ts';
import type { LoadedSourceRecord } from '../../src/store/entities/source-records.ts';
import type { Store } from '../../src/store/store.ts';
import type { OpenEntity } from './entity.ts';
import type { UncommittedChunk } from './uncommitted-chunk.ts';

/** Everything stored that concerns the incoming records of a chunk. */
export type LoadedChunk = Loaded & {
  /** The source records as they are stored. */
  readonly stored: readonly LoadedSourceRecord[];
  /** The number of ids that belong to no live record. */
  readonly unknown: number;
  /** The most records that the chunk may create. */
  readonly mostNew: number;
  /** Returns true when a match key was looked up and no record has it. */
  readonly vacant: (key: string) => boolean;
};

/** The records that the store holds under the ids and match keys of incoming ones. */
export interface FoundStored {
  readonly stored: readonly LoadedSourceRecord[];
  /** The match keys that were looked up. */
  readonly keys: readonly string[];
  readonly byKey: ReadonlyMap<string, readonly RecordId[]>;
}

/** The incoming records, and the changes before them that are not committed yet. */
interface Wanted {
  readonly system: string;
  readonly incoming: readonly Incoming[];
  /**
   * The result of {@link findStored}, taken when everything but `uncommitted` was committed. Default: looked up now.
   */
  readonly found?: FoundStored;
  /** Changes of earlier chunks, the oldest first. Default: none. */
  readonly uncommitted?: readonly UncommittedChunk[];
}

/** Looks up records of one system by their ids, and the new ones among them by their match keys. */
export async function findStored(
  { sourceRecords, matchKeys }: Store,
  { ref }: OpenEntity,
  plan: EntityPlan,
  { system, incoming }: Pick<Wanted, 'system' | 'incoming'>,
): Promise<FoundStored> {
  const stored = await sourceRecords.find(ref, system, idsIn(incoming));
  const known = new Set(stored.map(({ id }) => id));
  const keys = keysToFind(plan, incoming, (_, id) => known.has(id));
  return { stored, keys, byKey: await matchKeys.find(ref, keys) };
}

/** Loads everything that the engine needs to unify some records of one system. */
export async function loadChunk(
  store: Store,
  entity: OpenEntity,
  plan: EntityPlan,
  wanted: Wanted,
): Promise<LoadedChunk> {
  const { ref, openCycle } = entity;
  const { records, sourceRecords: mapping } = store;
  const { system, incoming, uncommitted = [] } = wanted;
  const found = wanted.found ?? (await findStored(store, entity, plan, wanted));
  /** Returns stored data as it will be after the commits under way. */
  const after = <T>(stored: T, over: (one: UncommittedChunk, before: T) => T): T =>
    uncommitted.reduce((before, one) => over(one, before), stored);
  const live = async (ids: readonly RecordId[]): Promise<readonly GoldenRecord[]> =>
    after<readonly GoldenRecord[]>(await records.records(ref, ids), (one, before) =>
      one.records(before, ids),
    );
  const { stored } = found;
  const ids = idsIn(incoming);
  const sourceRecords = after<readonly SourceRecord[]>(stored, (one, before) =>
    one.sourceRecords(before, system, ids),
  );
  const owned = await live(unique(sourceRecords.map(({ record }) => record)));
  const isLive = new Set(owned.map(({ id }) => id));
  const known = new Set(
    sourceRecords.filter(({ record }) => isLive.has(record)).map(({ id }) => id),
  );
  const asked = new Set(found.keys);
  // The look-up took these for known, but a commit since then has removed their record or their id.
  const lookedUp = new Set(stored.map(({ id }) => id));
  const lost = incoming.filter(
    (one) => 'source' in one && lookedUp.has(one.id) && !known.has(one.id),
  );
  const more = keysToFind(plan, lost, () => false).filter((key) => !asked.has(key));
  for (const key of more) asked.add(key);
  const matches = new Map([...found.byKey, ...(await store.matchKeys.find(ref, more))]);
  const byKey = await holders(store, ref, { matches, keys: asked, uncommitted });
  const candidates = unique([...byKey.values()].flat());
  const matching = await live(candidates.filter((id) => !isLive.has(id)));
  const loaded = [...owned, ...matching];
  const all = loaded.map(({ id }) => id);
  // For a candidate only its systems matter. Where ids leave a record, all its other ids do.
  const deletesHere = hasDeleted(incoming);
  const deletes = deletesHere || uncommitted.some(({ detaches }) => detaches);
  const [idsOf, entries] = await Promise.all([
    deletes ? mapping.idsOf(ref, all) : mapping.systemsOf(candidates),
    records.entries(ref, openCycle, all),
  ]);
  const unknown = ids.length - known.size;
  return {
    records: loaded,
    sourceRecords,
    stored,
    idsOf: withOwn(
      after<Loaded['idsOf']>(idsOf, (one, before) => one.idsOf(before, deletes ? all : candidates)),
      sourceRecords,
    ),
    byKey,
    entries: after<Loaded['entries']>(entries, (one, before) => one.entries(before, all)),
    unknown,
    // A deleted record may come back, and other ids of its record may need a new one.
    mostNew: deletesHere ? incoming.length : unknown,
    vacant: (key) => asked.has(key) && !byKey.has(key),
  };
}

/** Returns the records that have match keys after the commits under way. */
async function holders(
  { matchKeys }: Store,
  ref: OpenEntity['ref'],
  {
    matches,
    keys,
    uncommitted,
  }: Required<Pick<Wanted, 'uncommitted'>> & {
    matches: Loaded['byKey'];
    keys: ReadonlySet<string>;
  },
): Promise<Loaded['byKey']> {
  const changed = uncommitted.reduce((sum, one) => sum + one.size, 0);
  // A key may have more holders than are looked at: others move up when some of them leave.
  const full = [...matches.keys()].filter((key) => matches.get(key)?.length === mostCandidates);
  const found =
    changed === 0 || full.length === 0
      ? matches
      : new Map([...matches, ...(await matchKeys.find(ref, full, mostCandidates + changed))]);
  const after = uncommitted.reduce((before, one) => one.byKey(before, keys), found);
  const tooMany = [...after].filter(([, ids]) => ids.length > mostCandidates);
  return tooMany.length === 0
    ? after
    : new Map([
        ...after,
        ...tooMany.map(
          ([key, ids]) => [key, ids.toSorted(compareIds).slice(0, mostCandidates)] as const,
        ),
      ]);
}

/** Adds the ids by which records were found, so that they are no candidates for other records of the same system. */
function withOwn(idsOf: Loaded['idsOf'], own: readonly SourceRecord[]): Loaded['idsOf'] {
  if (own.length === 0) return idsOf;
  const all = new Map(idsOf);
  for (const { record, system, id } of own) {
    const ids = all.get(record) ?? [];
    if (!ids.some((one) => one.system === system && one.id === id))
      all.set(record, [...ids, { system, id }]);
  }
  return all;
}

function idsIn(incoming: readonly Incoming[]): string[] {
  return unique(incoming.flatMap((one) => ('source' in one ? [one.id] : [])));
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}
