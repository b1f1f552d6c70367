import type { JsonObject } from '../../../model/json.ts';
import type { Match } from '../../../model/match.ts';
import type { Cells } from '../formats/cells.ts';
import type { Change, Changes } from './changes.ts';
import { keyOf, keyText, keyValue } from '../formats/key.ts';
import { objectOf } from '../formats/object.ts';

/** Applies changes to the records of a file while they are read. */
export class ChangeApplier {
  readonly #changes: Changes;
  readonly #key: readonly string[];
  readonly #match: Match;
  readonly #cells: Cells;
  readonly #met = new Set<string>();

  constructor(
    changes: Changes,
    { key, match, cells }: { key: readonly string[]; match: Match; cells: Cells },
  ) {
    this.#changes = changes;
    this.#key = key;
    this.#match = match;
    this.#cells = cells;
  }

  /** Returns the record after the changes: itself if nothing changes it, null if it is removed. */
  of(stored: JsonObject): JsonObject | null {
    const text = keyText(keyOf(this.#cells.decode(stored), this.#key), this.#match);
    const change = text === null ? undefined : this.#changes.byKey.get(text);
    if (text === null || change === undefined) return stored;
    this.#met.add(text);
    return this.#changed(stored, change);
  }

  /** Returns the records to add. Call it after `of` was called for all records of the file. */
  *created(): Iterable<JsonObject> {
    for (const [text, change] of this.#changes.byKey) {
      if (this.#met.has(text) || !change.create) continue;
      const record = this.#changed({}, change);
      if (record !== null) yield record;
    }
  }

  /** The fields that the changes set, in the order in which they first appear. */
  get names(): Set<string> {
    const values = [...this.#changes.byKey.values()].map((change) => change.values ?? {});
    return new Set(values.flatMap((each) => Object.keys(each)));
  }

  /** The number of updates whose record the file does not have (any more). */
  get lost(): number {
    const lacking = [...this.#changes.byKey].filter(
      ([text, { create, values }]) => !create && values !== null && !this.#met.has(text),
    );
    return lacking.length;
  }

  #changed(stored: JsonObject, change: Change): JsonObject | null {
    if (change.values === null) return null;
    const kept = change.replace ? [] : Object.entries(stored);
    const given = Object.entries(change.values).map(([name, value]) => {
      const written = this.#key.includes(name) ? keyValue(value) : value;
      return [name, this.#cells.encode(written)] as const;
    });
    return objectOf([...kept, ...given]);
  }
}
