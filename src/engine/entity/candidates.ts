import type { RecordId } from '../../model/golden-record.ts';
import type { Draft } from './draft.ts';

const none: readonly never[] = [];

/** The live records by match key, including the changes that the chunk has made so far. */
export class Candidates {
  readonly #stored: ReadonlyMap<string, readonly RecordId[]>;
  readonly #drafts: ReadonlyMap<RecordId, Draft>;
  readonly #sources: readonly string[];
  /** Records that got a key in this chunk. */
  readonly #added = new Map<string, Set<Draft>>();

  /** @param sources the sources of the chunk */
  constructor(
    stored: ReadonlyMap<string, readonly RecordId[]>,
    drafts: ReadonlyMap<RecordId, Draft>,
    sources: readonly string[],
  ) {
    this.#stored = stored;
    this.#drafts = drafts;
    this.#sources = sources;
  }

  /**
   * Adds the keys that a record has now. A record that already has an id in every source of the chunk is not added: no
   * source can attach to it. Most records are such.
   */
  add(draft: Draft, keys: readonly string[]): void {
    if (this.#sources.every((source) => draft.has(source))) return;
    for (const key of keys) {
      const drafts = this.#added.get(key);
      if (drafts === undefined) this.#added.set(key, new Set([draft]));
      else drafts.add(draft);
    }
  }

  /** Returns the live records that have this key and no id of the system yet. */
  find(key: string, system: string): Draft[] {
    const added = this.#added.get(key);
    const found: Draft[] = [];
    const consider = (draft: Draft): void => {
      if (draft.deleted || draft.has(system)) return;
      // A record that this chunk has changed may have lost the key.
      if (!draft.touched || draft.keys.includes(key)) found.push(draft);
    };
    for (const id of this.#stored.get(key) ?? none) {
      const draft = this.#loaded(id);
      if (added?.has(draft) !== true) consider(draft);
    }
    for (const draft of added ?? none) consider(draft);
    return found;
  }

  #loaded(id: RecordId): Draft {
    const draft = this.#drafts.get(id);
    if (draft === undefined) throw new Error(`record ${id} has a match key but is not loaded`);
    return draft;
  }
}
