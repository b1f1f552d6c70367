import { recordsOfSystem } from '../../src/engine/entity/source-records.ts';
import type { Unified } from '../../src/engine/entity/unify.ts';
import type { LogEntry } from '../../src/model/entity-log.ts';
import type {
  GoldenRecord,
  RecordId,
  SourceRecord,
  SystemId,
} from '../../src/model/golden-record.ts';

/**
 * What a chunk changes whose commit may still be under way: laid over what the store says, so that the next ones can be
 * decided meanwhile. Whether a look into the store comes before or after that commit makes no difference then.
 */
export class UncommittedChunk {
  /** Whether ids leave records, be it for others: to tell which, the stored ones must be known. */
  readonly detaches: boolean;
  readonly #records: ReadonlyMap<RecordId, GoldenRecord | null>;
  /** By system and id; null for one that has gone. */
  readonly #sourceRecords = new Map<string, Map<string, SourceRecord | null>>();
  /** The records that come to a key. */
  readonly #added = new Map<string, RecordId[]>();
  /** The records that leave a key. */
  readonly #removed = new Map<string, RecordId[]>();
  readonly #attached = new Map<RecordId, SystemId[]>();
  readonly #entries: ReadonlyMap<RecordId, LogEntry>;

  constructor({ records, sourceRecords, detached, entries, counts }: Unified) {
    this.detaches = counts.detached > 0;
    this.#records = new Map(
      records.map(({ record, deleted }) => [record.id, deleted ? null : record]),
    );
    for (const { system, id } of detached)
      recordsOfSystem(this.#sourceRecords, system).set(id, null);
    for (const one of sourceRecords) {
      recordsOfSystem(this.#sourceRecords, one.system).set(one.id, one);
      push(this.#attached, one.record, one);
    }
    for (const { record, addedKeys, removedKeys } of records) {
      for (const key of removedKeys) push(this.#removed, key, record.id);
      for (const key of addedKeys) push(this.#added, key, record.id);
    }
    this.#entries = new Map(entries.map((entry) => [entry.record, entry]));
  }

  /** How many records change. */
  get size(): number {
    return this.#records.size;
  }

  /** Records of a system as they are after the commit. */
  sourceRecords(
    stored: readonly SourceRecord[],
    system: string,
    wanted: readonly string[],
  ): readonly SourceRecord[] {
    const now = this.#sourceRecords.get(system);
    const changed = now === undefined ? none : wanted.filter((id) => now.has(id));
    if (now === undefined || changed.length === 0) return stored;
    const left = stored.filter(({ id }) => !now.has(id));
    return [...left, ...changed.flatMap((id) => now.get(id) ?? none)];
  }

  /** Golden records as they are after the commit. */
  records(stored: readonly GoldenRecord[], wanted: readonly RecordId[]): readonly GoldenRecord[] {
    const changed = wanted.filter((id) => this.#records.has(id));
    if (changed.length === 0) return stored;
    const left = stored.filter(({ id }) => !this.#records.has(id));
    return [...left, ...changed.flatMap((id) => this.#records.get(id) ?? none)];
  }

  /** The records that have these match keys after the commit. */
  byKey(
    stored: ReadonlyMap<string, readonly RecordId[]>,
    keys: Iterable<string>,
  ): ReadonlyMap<string, readonly RecordId[]> {
    let now: Map<string, readonly RecordId[]> | undefined;
    for (const key of keys) {
      const removed: readonly RecordId[] = this.#removed.get(key) ?? none;
      const added: readonly RecordId[] = this.#added.get(key) ?? none;
      if (removed.length + added.length === 0) continue;
      now ??= new Map(stored);
      const left = (stored.get(key) ?? none).filter(
        (id) => !removed.includes(id) && !added.includes(id),
      );
      if (left.length + added.length === 0) now.delete(key);
      else now.set(key, [...left, ...added]);
    }
    return now ?? stored;
  }

  /** The ids that records have in systems after the commit. Where none leaves its record, one may be told twice. */
  idsOf(
    stored: ReadonlyMap<RecordId, readonly SystemId[]>,
    wanted: readonly RecordId[],
  ): ReadonlyMap<RecordId, readonly SystemId[]> {
    return new Map(
      wanted.map((record) => {
        const before = stored.get(record) ?? none;
        const left = this.detaches
          ? before.filter(({ system, id }) => this.#sourceRecords.get(system)?.has(id) !== true)
          : before;
        return [record, [...left, ...(this.#attached.get(record) ?? none)]];
      }),
    );
  }

  /** What the cycle has done to these records after the commit. */
  entries(
    stored: ReadonlyMap<RecordId, LogEntry>,
    wanted: readonly RecordId[],
  ): ReadonlyMap<RecordId, LogEntry> {
    const now = new Map(stored);
    for (const id of wanted) {
      const entry = this.#entries.get(id);
      if (entry !== undefined) now.set(id, entry);
    }
    return now;
  }
}

const none: readonly never[] = [];

function push<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
