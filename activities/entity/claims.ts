import type { RecordId } from '../../src/model/golden-record.ts';

/** The most keys that are remembered: more than all chunks of a run hold that are under way at one time. */
const mostKeys = 200_000;

/**
 * Remembers which record of an entity was first looked up by which natural key. While a chunk is written the next ones are
 * matched already, so a look-up does not show yet what is being created.
 */
export class Claims {
  readonly #owners = new Map<string, RecordId>();

  /** Claims a key for a record. @returns false when another record has claimed it */
  claim(key: string, record: RecordId): boolean {
    const owner = this.#owners.get(key);
    if (owner !== undefined) return owner === record;
    this.#owners.set(key, record);
    if (this.#owners.size > mostKeys) {
      const [oldest = key] = this.#owners.keys();
      this.#owners.delete(oldest);
    }
    return true;
  }
}
