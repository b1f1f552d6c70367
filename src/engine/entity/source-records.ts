import type { SourceRecord, SystemId } from '../../model/golden-record.ts';

/** The source records of a chunk, including the changes that the chunk has made so far. */
export class ChunkSourceRecords {
  /** Records by system and id. */
  readonly #held = new Map<string, Map<string, SourceRecord>>();
  /** Changed records by system and id; undefined for a removed one. */
  readonly #changed = new Map<string, Map<string, SourceRecord | undefined>>();

  constructor(stored: readonly SourceRecord[]) {
    for (const record of stored) recordsOfSystem(this.#held, record.system).set(record.id, record);
  }

  get(system: string, id: string): SourceRecord | undefined {
    return this.#held.get(system)?.get(id);
  }

  put(record: SourceRecord): void {
    recordsOfSystem(this.#held, record.system).set(record.id, record);
    recordsOfSystem(this.#changed, record.system).set(record.id, record);
  }

  remove(system: string, id: string): void {
    recordsOfSystem(this.#held, system).delete(id);
    recordsOfSystem(this.#changed, system).set(id, undefined);
  }

  changes(): { sourceRecords: SourceRecord[]; detached: SystemId[] } {
    const sourceRecords: SourceRecord[] = [];
    const detached: SystemId[] = [];
    for (const [system, records] of this.#changed) {
      for (const [id, record] of records)
        if (record === undefined) detached.push({ system, id });
        else sourceRecords.push(record);
    }
    return { sourceRecords, detached };
  }
}

/** Returns the map of a system's records; adds an empty one when there is none. */
export function recordsOfSystem<T>(
  systems: Map<string, Map<string, T>>,
  system: string,
): Map<string, T> {
  let records = systems.get(system);
  if (records === undefined) {
    records = new Map();
    systems.set(system, records);
  }
  return records;
}
