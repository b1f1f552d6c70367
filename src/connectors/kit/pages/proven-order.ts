import { ConfigError } from '../../../model/failure.ts';
import type { JsonObject } from '../../../model/json.ts';
import { compareWatermarks, watermarkText } from '../watermark.ts';
import { at } from '../paths.ts';

/** The place up to which a list that comes sorted by its watermark was read. */
export interface Reached {
  /** The highest watermark so far; null before the first. */
  readonly highest: string | null;
  /** A record without a watermark was met: from there on none may have one. */
  readonly undated?: boolean;
}

/**
 * Proves that records follow those before them in the order of the watermark; how far they reach.
 * @throws ConfigError `out_of_order`
 */
export function proveOrder(
  records: readonly JsonObject[],
  before: Reached,
  { stream, watermark }: { stream: string; watermark: string },
  connection: string,
): Reached {
  let { highest, undated = false } = before;
  for (const record of records) {
    const mark = watermarkText(at(record, watermark));
    const follows =
      mark === null || (!undated && (highest === null || compareWatermarks(highest, mark) <= 0));
    if (!follows) {
      const message = `${connection}: the list of "${stream}" is declared sorted, but does not come in the order of "${watermark}", oldest first`;
      throw new ConfigError('out_of_order', message, { connection });
    }
    if (mark === null) undated = true;
    else highest = mark;
  }
  return { highest, undated };
}

/** The records whose watermark is at most `until`, and those without one. */
export function upTo(
  records: readonly JsonObject[],
  watermark: string,
  until: string | null,
): readonly JsonObject[] {
  if (until === null) return records;
  return records.filter((record) => {
    const mark = watermarkText(at(record, watermark));
    return mark === null || compareWatermarks(mark, until) <= 0;
  });
}
