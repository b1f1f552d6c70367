import type { Unified } from '../../src/engine/entity/unify.ts';
import type { LogEntry } from '../../src/model/entity-log.ts';
import type {
  GoldenRecord,
  RecordId,
  SourceRecord,
  SystemId,
} from '../../src/model/golden-record.ts';

/**
 * What a chunk changes whose commit is still under way: laid over what the store says, so that the next chunk can be
 * decided meanwhile. Whether a look into the store comes before or after that commit makes no difference then.
 */
export class Uncommitted {
  /** Whether ids leave records: to tell which, the stored ones must be known. */
  readonly detaches: boolean;
  readonly #records: ReadonlyMap<RecordId, GoldenRecord | null>;
  readonly #sourceRecords: ReadonlyMap<string, SourceRecord | null>;
  readonly #keys = new Map<string, Map<RecordId, boolean>>();
  readonly #attached = new Map<RecordId, SystemId[]>();
  readonly #entries: ReadonlyMap<RecordId, LogEntry>;

  constructor({ records, sourceRecords, detached, entries }: Unified) {
    this.detaches = detached.length > 0;
    this.#records = new Map(
      records.map(({ record, deleted }) => [record.id, deleted ? null : record]),
    );
    this.#sourceRecords = new Map([
      ...detached.map((one) => [nameOf(one), null] as const),
      ...sourceRecords.map((one) => [nameOf(one), one] as const),
    ]);
    for (const { record, system, id } of sourceRecords) {
      const all = this.#attached.get(record);
      if (all === undefined) this.#attached.set(record, [{ system, id }]);
      else all.push({ system, id });
    }
    for (const { record, addedKeys, removedKeys } of records) {
      for (const key of removedKeys) this.#note(key, record.id, false);
      for (const key of addedKeys) this.#note(key, record.id, true);
    }
    this.#entries = new Map(entries.map((entry) => [entry.record, entry]));
  }

  /** Records of a system as they are after the commit. */
  sourceRecords(stored: readonly SourceRecord[], wanted: readonly SystemId[]): SourceRecord[] {
    const known = new Map(stored.map((one) => [nameOf(one), one]));
    return wanted.flatMap((one) => {
      const name = nameOf(one);
      const now = this.#sourceRecords.get(name);
      const found = now === undefined ? known.get(name) : now;
      return found === undefined || found === null ? [] : [found];
    });
  }

  /** Golden records as they are after the commit. */
  records(stored: readonly GoldenRecord[], wanted: readonly RecordId[]): GoldenRecord[] {
    const known = new Map(stored.map((one) => [one.id, one]));
    return wanted.flatMap((id) => {
      const now = this.#records.get(id);
      const found = now === undefined ? known.get(id) : now;
      return found === undefined || found === null ? [] : [found];
    });
  }

  /** The records that have these match keys after the commit. */
  byKey(
    stored: ReadonlyMap<string, readonly RecordId[]>,
    keys: readonly string[],
  ): Map<string, RecordId[]> {
    const found = new Map<string, RecordId[]>();
    for (const key of keys) {
      const now = this.#keys.get(key);
      const left = (stored.get(key) ?? []).filter((id) => !now?.has(id));
      const added = [...(now ?? [])].flatMap(([id, has]) => (has ? [id] : []));
      const all = [...left, ...added];
      if (all.length > 0) found.set(key, all);
    }
    return found;
  }

  /** The ids that records have in systems after the commit. */
  idsOf(
    stored: ReadonlyMap<RecordId, readonly SystemId[]>,
    wanted: readonly RecordId[],
  ): Map<RecordId, readonly SystemId[]> {
    return new Map(
      wanted.map((record) => {
        const before = stored.get(record) ?? [];
        const added = this.#attached.get(record);
        const left = before.filter((one) => this.#sourceRecords.get(nameOf(one)) === undefined);
        return [record, added === undefined ? left : [...left, ...added]];
      }),
    );
  }

  /** What the cycle has done to these records after the commit. */
  entries(stored: ReadonlyMap<RecordId, LogEntry>): Map<RecordId, LogEntry> {
    return new Map([...stored, ...this.#entries]);
  }

  #note(key: string, record: RecordId, has: boolean): void {
    const of = this.#keys.get(key) ?? new Map<RecordId, boolean>();
    this.#keys.set(key, of.set(record, has));
  }
}

function nameOf({ system, id }: SystemId): string {
  return `${system}\0${id}`;
}
