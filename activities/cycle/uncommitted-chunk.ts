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
 * The changes of a chunk whose commit may still be under way. They are laid over what was loaded from the store, so
 * that the next chunks can be decided meanwhile. The result is the same whether the store was read before or after the
 * commit.
 */
export class UncommittedChunk {
  /** True when ids leave records, for others or for good. Then the stored ids must be loaded to tell which are left. */
  readonly detaches: boolean;
  readonly #records: ReadonlyMap<RecordId, GoldenRecord | null>;
  /** The changed source records by system and id; null for one that is gone. */
  readonly #sourceRecords = new Map<string, Map<string, SourceRecord | null>>();
  /** The records that get a match key. */
  readonly #added = new Map<string, RecordId[]>();
  /** The records that lose a match key. */
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

  /** The number of records that change. */
  get size(): number {
    return this.#records.size;
  }

  /** Returns records of a system as they are after the commit. */
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

  /** Returns golden records as they are after the commit. */
  records(stored: readonly GoldenRecord[], wanted: readonly RecordId[]): readonly GoldenRecord[] {
    const changed = wanted.filter((id) => this.#records.has(id));
    if (changed.length === 0) return stored;
    const left = stored.filter(({ id }) => !this.#records.has(id));
    return [...left, ...changed.flatMap((id) => this.#records.get(id) ?? none)];
  }

  /** Returns the records that have some match keys after the commit. */
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

  /**
   * Returns the ids that records have in systems after the commit. When no id leaves its record, an id may occur twice.
   */
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

  /** Returns the cycle's log entries of some records as they are after the commit. */
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
