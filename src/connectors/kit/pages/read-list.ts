import { LimitedError } from '../../../model/failure.ts';
import type { Field } from '../../../model/field.ts';
import type { JsonObject } from '../../../model/json.ts';
import type { RecordBatch } from '../../../model/record.ts';
import type { Calls } from '../../contract/calls.ts';
import type { SourceRequest } from '../../contract/source.ts';
import { splitByFields, rowsOf, type WantedFields } from '../rows.ts';
import type { Cursor, Page, PageEnd, PageRequest } from '../../contract/page.ts';
import { higher, presentAtMost, subtractLag, watermarkText } from '../watermark.ts';
import type { HttpClient } from '../http/client.ts';
import { proveOrder, upTo, type Reached } from './proven-order.ts';
import { anchorsAfter, readJoined, type Anchors } from './overlap.ts';
import { PagesAhead } from './pages-ahead.ts';
import { readPage, startsFrom, type ApiPage } from './pages.ts';
import { at } from '../paths.ts';
import type { ListCall, Params } from './list.ts';

/** A stream, and all that is needed to read it. */
export interface Reading {
  readonly client: HttpClient;
  readonly read: ListCall;
  readonly fields: readonly Field[];
  readonly request: SourceRequest;
  /** Pages that were asked for and not needed yet, between two chunks. */
  readonly kept: { pages?: PagesAhead | undefined };
}

/** The place where a page starts, and what the reader must know of those before it. */
interface Place extends Reached {
  readonly next: Cursor | null;
  readonly anchors: Anchors;
  /** Records that the last call added. */
  readonly size: number;
  /** Records that it gave: one more where it began with the last one read. Cursors of earlier versions do not say. */
  readonly given?: number;
}

/** Pages that were asked for ahead take up no more than this. Bytes. */
const mostBytesAhead = 32 << 20;

const beginning: Place = { next: null, anchors: [], size: 0, highest: null };

/**
 * Reads a page of the contract: as many pages of the API as the limit has room for.
 *
 * ```ts
 * const reading = { client, read: list, fields, request, kept: {} };
 * return { encoding: 'json', fields, uniqueBy: ['id'], read: async (page, calls) => readChunk(reading, page, calls) };
 * ```
 */
export function readChunk(reading: Reading, page: PageRequest, calls: Calls): Page {
  let end: PageEnd | undefined;
  async function* batches(): AsyncGenerator<RecordBatch> {
    const { limit } = page;
    const { signal } = calls;
    const pages = pagesFor(reading, page);
    const stop = (): void => pages.drop(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    let place = page.cursor === null ? beginning : (JSON.parse(page.cursor) as Place);
    let records = 0;
    let bytes = 0;
    const until = performance.now() + (limit.ms ?? Number.POSITIVE_INFINITY);
    const isFull = (): boolean =>
      records >= limit.records || bytes >= limit.bytes || performance.now() >= until;
    try {
      pages.ask(following(reading, place), calls);
      do {
        signal.throwIfAborted();
        const part = await readNext(reading, place, pages, calls).catch((error: unknown) => {
          // Pages that were read already are kept: the chunk ends where the API asked to wait.
          if (error instanceof LimitedError && records > 0) return undefined;
          throw error;
        });
        if (part === undefined) {
          pages.drop();
          break;
        }
        place = after(reading, place, part);
        const wanted = wantedOf(reading, page, part);
        records += wanted.length;
        bytes += part.size;
        // The next pages are on their way while this one is taken in; those that this chunk has no room for wait for the next.
        if (!isFull() || aheadOf(reading) > 1)
          pages.ask(following(reading, place, part.size), calls);
        for (const some of splitByFields(wanted, page, (record) => record))
          yield batchOf(reading.fields, some, page);
      } while (place.next !== null && !isFull());
      if (place.next !== null) {
        reading.kept.pages = pages;
        pages.rest();
      }
    } finally {
      signal.removeEventListener('abort', stop);
      if (reading.kept.pages !== pages) pages.drop();
    }
    // A time in the future would hold the watermark there: what comes meanwhile would never be read.
    const highest = place.highest === null ? null : presentAtMost(place.highest, Date.now());
    end = { cursor: place.next === null ? null : JSON.stringify(place), records, bytes, highest };
  }
  return {
    batches,
    end() {
      if (!end) throw new Error('end() was asked before the page was read to its end');
      return end;
    },
  };
}

function since({ client, read, request }: Reading, page: PageRequest): Params {
  if (page.since === null || !read.incremental) return {};
  return { [read.incremental.parameter]: subtractLag(page.since, request.lag, client.connection) };
}

/** The pages that wait for this chunk, if any do. */
function pagesFor(reading: Reading, page: PageRequest): PagesAhead {
  const { client, read, kept } = reading;
  const extra = since(reading, page);
  const of = JSON.stringify(extra);
  const waiting = kept.pages;
  kept.pages = undefined;
  waiting?.goOn();
  if (waiting?.of === of) return waiting;
  waiting?.drop();
  const pages = new PagesAhead(of, (cursor, calls) => readPage(client, read, cursor, extra, calls));
  client.closing.addEventListener('abort', () => pages.drop(), { once: true });
  return pages;
}

/** Reads one page of the API. A list by offset is joined where it was left. */
function readNext(
  reading: Reading,
  place: Place,
  pages: PagesAhead,
  calls: Calls,
): Promise<ApiPage> {
  const { next, anchors, size } = place;
  if (next === null || !isJoined(reading, place)) return pages.take(next, calls);
  const { offset } = JSON.parse(next) as { offset: number };
  const readAt = (start: number) => pages.take(JSON.stringify({ offset: start }), calls);
  const { key } = reading.request;
  return readJoined({ anchors, key, offset, size }, readAt, reading.client.connection);
}

/** True when the next page begins with the last record read. */
function isJoined({ read }: Reading, { next, anchors }: Place): boolean {
  return read.pagination.type === 'offset' && next !== null && anchors.length > 0;
}

/**
 * The starts of the next pages that are asked for ahead, as far as they can be told.
 * @param bytes of a page, as far as known
 */
function following(reading: Reading, place: Place, bytes = 0): Cursor[] {
  const { next, size, given = size } = place;
  if (next === null) return [];
  const { read } = reading;
  const joined = isJoined(reading, place);
  const { offset = 0 } = JSON.parse(next) as { offset?: number };
  const first = joined ? JSON.stringify({ offset: offset - 1 }) : next;
  const step = Math.max(1, joined ? given - 1 : given);
  const room = Math.max(1, Math.floor(mostBytesAhead / Math.max(1, bytes)));
  return startsFrom(read, first, step, Math.min(room, aheadOf(reading)));
}

function aheadOf({ read: { pagination } }: Reading): number {
  return 'ahead' in pagination ? pagination.ahead : 1;
}

/** A list in the order of the watermark is read up to `until`; of another one more may come. */
function wantedOf({ request }: Reading, { until }: PageRequest, { records }: ApiPage) {
  const { order, watermark } = request;
  return order === undefined || watermark === undefined ? records : upTo(records, watermark, until);
}

function after(reading: Reading, before: Place, { next, records, given }: ApiPage): Place {
  const anchors = anchorsAfter(before.anchors, records, reading.request.key);
  const reached = reachedAfter(reading, before, records);
  return { next, anchors, size: records.length, given, ...reached };
}

function reachedAfter(
  { client, request }: Reading,
  before: Place,
  records: readonly JsonObject[],
): Reached {
  const { order, stream, watermark } = request;
  if (watermark === undefined) return { highest: before.highest };
  if (order === 'watermark')
    return proveOrder(records, before, { stream, watermark }, client.connection);
  const marks = records.map((one) => watermarkText(at(one, watermark)));
  return { highest: marks.reduce(higher, before.highest) };
}

/**
 * Records as a batch of what is wanted of them.
 * @param known fields whose types are known; others may hold anything
 */
export function batchOf(
  known: readonly Field[],
  records: readonly JsonObject[],
  wanted: WantedFields,
): RecordBatch {
  const byName = new Map(known.map((field) => [field.name, field]));
  const { names, rows } = rowsOf(records, wanted, at);
  const fields = names.map((name): Field => byName.get(name) ?? { name, type: 'unknown' });
  return { encoding: 'json', fields, rows };
}
