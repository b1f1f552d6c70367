import { ConfigError } from '../../../model/failure.ts';
import type { JsonObject } from '../../../model/json.ts';
import { stringifyJson } from '../json.ts';
import type { ApiPage } from './pages.ts';
import { at } from '../paths.ts';

/** Keys that the next page is joined by: some, because a record may be deleted. */
const most = 5;

/** The keys of the last records read, oldest first. */
export type Anchors = readonly string[];

/** The anchors after `records` were read too. A record without a key is none. */
export function anchorsAfter(
  before: Anchors,
  records: readonly JsonObject[],
  key: readonly string[],
): Anchors {
  const texts = records.slice(-most).map((record) => keyText(record, key));
  return [...before, ...texts.filter((text) => text !== null)].slice(-most);
}

/**
 * Reads the page after `offset` records so that nothing is skipped when others come or go meanwhile: it begins with
 * the last record read. Where that one has moved, the list is searched for it, a page back at most.
 * @param size how many records the last call gave
 * @throws ConfigError `source_moved` where the place is not found again
 */
export async function readJoined(
  {
    anchors,
    key,
    offset,
    size,
  }: { anchors: Anchors; key: readonly string[]; offset: number; size: number },
  readAt: (offset: number) => Promise<ApiPage>,
  connection: string,
): Promise<ApiPage> {
  for (const start of [offset - 1, Math.max(0, offset - size)]) {
    const page = await readAt(start);
    const last = lastAnchor(page.records, anchors, key);
    if (last < 0) continue;
    const records = page.records.slice(last + 1);
    // With one record a page, the page that holds the last record read says nothing of those that follow.
    if (records.length === 0 && size === 1 && page.next !== null) return readAt(offset);
    return { ...page, records, next: records.length === 0 ? null : page.next };
  }
  const message = `${connection}: the list moved faster than it was read; run the sync again, or page by cursor`;
  throw new ConfigError('source_moved', message, { connection });
}

/** The place of the newest anchor that the records hold; -1 for none. */
function lastAnchor(
  records: readonly JsonObject[],
  anchors: Anchors,
  key: readonly string[],
): number {
  const texts = records.map((record) => keyText(record, key));
  for (const anchor of anchors.toReversed()) {
    const found = texts.indexOf(anchor);
    if (found >= 0) return found;
  }
  return -1;
}

function keyText(record: JsonObject, key: readonly string[]): string | null {
  const values = key.map((field) => at(record, field) ?? null);
  return values.every((value) => value === null) ? null : stringifyJson(values);
}
