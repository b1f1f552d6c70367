import type { SourceRecord, SystemId } from '../../model/golden-record.ts';

/** The source records of a chunk, as it leaves them so far. */
export class SourceRecords {
  /** By system and id. */
  readonly #held = new Map<string, Map<string, SourceRecord>>();
  /** Those that changed; undefined for one that has gone. */
  readonly #changed = new Map<string, Map<string, SourceRecord | undefined>>();

  constructor(stored: readonly SourceRecord[]) {
    for (const record of stored) inSystem(this.#held, record.system).set(record.id, record);
  }

  get(system: string, id: string): SourceRecord | undefined {
    return this.#held.get(system)?.get(id);
  }

  put(record: SourceRecord): void {
    inSystem(this.#held, record.system).set(record.id, record);
    inSystem(this.#changed, record.system).set(record.id, record);
  }

  remove(system: string, id: string): void {
    inSystem(this.#held, system).delete(id);
    inSystem(this.#changed, system).set(id, undefined);
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

/** What is kept of a system's records; made where there is nothing yet. */
export function inSystem<T>(systems: Map<string, Map<string, T>>, system: string): Map<string, T> {
  let records = systems.get(system);
  if (records === undefined) {
    records = new Map();
    systems.set(system, records);
  }
  return records;
}
