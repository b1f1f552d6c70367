import type { JsonObject } from '../../model/json.ts';
import type { Match } from '../../model/match.ts';
import type { Entry } from './journal.ts';
import { keyText } from './key.ts';

/** What the entries of one key come to. Applying it twice is the same as once. */
export interface Change {
  /** The record is made if the file lacks it. */
  readonly create: boolean;
  /** What the file held is dropped. */
  readonly replace: boolean;
  /** The values to set; null to remove the record. */
  readonly values: JsonObject | null;
}

/** Adds up a journal by key, later entries over earlier ones; in the order in which keys first appeared. */
export async function changesOf(
  entries: AsyncIterable<Entry>,
  keyFields: readonly string[],
  match: Match,
): Promise<Map<string, Change>> {
  const changes = new Map<string, Change>();
  for await (const entry of entries) {
    const key = keyText(entry.key, match);
    if (key !== null) changes.set(key, next(changes.get(key), entry, keyFields));
  }
  return changes;
}

function next(before: Change | undefined, entry: Entry, keyFields: readonly string[]): Change {
  const { operation, key, values } = entry;
  if (operation === 'remove') return { create: false, replace: true, values: null };
  const known = before?.values ?? {};
  const replace = before?.replace ?? false;
  if (operation === 'update') {
    if (before?.values === null) return before;
    return { create: before?.create ?? false, replace, values: { ...known, ...values } };
  }
  const keyValues = Object.fromEntries(
    keyFields.map((field, index) => [field, key[index] ?? null]),
  );
  return { create: true, replace, values: { ...keyValues, ...known, ...values } };
}
