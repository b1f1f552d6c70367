import type { JsonObject } from '../../../model/json.ts';
import type { Match } from '../../../model/match.ts';
import type { Entry } from './journal.ts';
import { keyText } from '../formats/key.ts';
import { objectOf } from '../formats/object.ts';

/** The sum of the journal's entries for one key. Applying it twice is the same as once. */
export interface Change {
  /** True when the record is created if the file lacks it. */
  readonly create: boolean;
  /** True when the values that the file holds are dropped. */
  readonly replace: boolean;
  /** The values to set; null to remove the record. */
  readonly values: JsonObject | null;
}

/** The sum of a journal. */
export interface Changes {
  /** Changes by key, in the order of the chunks. */
  readonly byKey: ReadonlyMap<string, Change>;
  /** The number of operations; one that was written several times counts once. */
  readonly operations: number;
}

/** Adds up a journal by key, later chunks over earlier ones. */
export async function changesOf(
  entries: AsyncIterable<Entry>,
  keyFields: readonly string[],
  match: Match,
): Promise<Changes> {
  const known = new Map<string, Entry>();
  for await (const entry of entries) known.set(entry.id, entry);
  const byKey = new Map<string, Change>();
  for (const entry of [...known.values()].toSorted((a, b) => a.chunk - b.chunk)) {
    const key = keyText(entry.key, match);
    if (key !== null) byKey.set(key, next(byKey.get(key), entry, keyFields));
  }
  return { byKey, operations: known.size };
}

function next(before: Change | undefined, entry: Entry, keyFields: readonly string[]): Change {
  const { operation, key, values } = entry;
  if (operation === 'remove') return { create: false, replace: true, values: null };
  const known = Object.entries(before?.values ?? {});
  const replace = before?.replace ?? false;
  const given = Object.entries(values);
  if (operation === 'update') {
    if (before?.values === null) return before;
    return { create: before?.create ?? false, replace, values: objectOf([...known, ...given]) };
  }
  const keyValues = keyFields.map((field, index) => [field, key[index] ?? null] as const);
  return { create: true, replace, values: objectOf([...keyValues, ...known, ...given]) };
}
