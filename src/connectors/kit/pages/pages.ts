import { ExactNumber, isJsonObject, type Json, type JsonObject } from '../../../model/json.ts';
import type { Cursor } from '../../contract/page.ts';
import type { Calls } from '../../contract/calls.ts';
import type { Value } from '../../../model/record.ts';
import type { Answer, Call } from '../http/call.ts';
import type { HttpClient } from '../http/client.ts';
import { unexpected } from '../http/failures.ts';
import { at, withAt } from '../paths.ts';
import type { ListCall, Paging, Params } from './list.ts';

/** A page of a list as the API gave it. */
export interface ApiPage {
  readonly records: readonly JsonObject[];
  /** Records that the call gave. */
  readonly given: number;
  readonly size: number;
  /** The start of the next page; null after the last. */
  readonly next: Cursor | null;
}

/** The start of a page, in the words of its kind of paging. */
interface Position {
  readonly page?: number;
  readonly offset?: number;
  readonly cursor?: string;
  readonly url?: string;
}

/** Reads the page of a list at `cursor`; null is the first. `extra` goes into the query. */
export async function readPage(
  client: HttpClient,
  read: ListCall,
  cursor: Cursor | null,
  extra: Params,
  calls: Calls,
): Promise<ApiPage> {
  const position = cursor === null ? {} : (JSON.parse(cursor) as Position);
  const call = callFor(read, position, extra);
  const answer = await client.request(call, calls);
  if (answer.status >= 400)
    throw unexpected(call, `was answered ${answer.status}`, client.connection);
  const records = recordsAt(
    textOf(answer, call, client.connection),
    read.records,
    call,
    client.connection,
  );
  const next = nextPosition(client, read, position, answer, records, call);
  if (next !== null && next === cursor)
    throw unexpected(call, 'the next page is the same page again', client.connection);
  return { records, given: records.length, size: answer.size, next };
}

/**
 * The starts of pages from `first` on, so many at most, if each begins `step` records after the one before. Pages that only
 * the one before names cannot be told.
 */
export function startsFrom(
  { pagination: { type } }: ListCall,
  first: Cursor,
  step: number,
  most: number,
): Cursor[] {
  if (type !== 'page' && type !== 'offset') return [first];
  const { page = 0, offset = 0 } = JSON.parse(first) as Position;
  return Array.from({ length: most }, (_, ahead) =>
    JSON.stringify(type === 'page' ? { page: page + ahead } : { offset: offset + ahead * step }),
  );
}

/** The body of an answer, none of whose characters was guessed. */
export function textOf(
  { body, garbled }: Answer,
  call: Call,
  connection: string,
): Json | undefined {
  if (!garbled) return body;
  throw unexpected(call, 'the body is no text in UTF-8, or in the charset it names', connection);
}

/** The list at a dotted path of an answer. A list that is not there is never taken for an empty one (R7). */
export function recordsAt(
  body: Json | undefined,
  path: string,
  call: Call,
  connection: string,
): JsonObject[] {
  const list = at(body, path);
  if (!Array.isArray(list) || !list.every(isJsonObject)) {
    const where = path === '' ? 'the body' : `"${path}" of the body`;
    throw unexpected(call, `${where} is not a list of records`, connection);
  }
  return list;
}

/** Query parameters as pairs. */
export function pairs(params: Params): [string, string][] {
  return Object.entries(params).map(([name, value]) => [name, String(value)]);
}

function callFor(read: ListCall, position: Position, extra: Params): Call {
  const { method = 'GET', path, body = {}, params = {}, bucket } = read;
  const named = { path, label: path, bucket };
  // A link to the next page already holds every parameter.
  if (position.url !== undefined) return { ...named, method: 'GET', path: position.url };
  const given = { ...pagingParams(read.pagination, position), ...extra };
  if (method === 'GET') return { ...named, method, params: pairs({ ...params, ...given }) };
  return { ...named, method, params: pairs(params), body: bodyWith(body, given) };
}

function bodyWith(body: JsonObject, given: Params): Json {
  return Object.entries(given).reduce<Json>((filled, [path, value]) => {
    const isNumber = typeof at(body, path) === 'number' && typeof value === 'string';
    return withAt(filled, path, isNumber ? numberOf(value) : value);
  }, body);
}

/** A watermark as the number that it is; what is none stays a text. */
function numberOf(text: string): Json {
  return /^-?\d+(\.\d+)?$/.test(text) ? new ExactNumber(text) : text;
}

function pagingParams(paging: Paging, position: Position): Params {
  if (paging.type === 'none') return {};
  const size = { [paging.sizeParameter]: paging.size };
  if (paging.type === 'link') return size;
  const { parameter } = paging;
  if (paging.type === 'page') return { ...size, [parameter]: position.page ?? paging.first };
  if (paging.type === 'offset') return { ...size, [parameter]: position.offset ?? 0 };
  return { ...size, ...(position.cursor !== undefined && { [parameter]: position.cursor }) };
}

function nextPosition(
  client: HttpClient,
  read: ListCall,
  position: Position,
  answer: Answer,
  records: readonly JsonObject[],
  call: Call,
): Cursor | null {
  const paging = read.pagination;
  if (paging.type === 'none') return null;
  if (paging.type === 'link') {
    const link =
      paging.next === undefined ? linkHeader(answer.headers) : at(answer.body, paging.next);
    if (typeof link !== 'string' || link === '') return null;
    return JSON.stringify({ url: client.nextAddress(link, call) });
  }
  const more = paging.more === undefined ? undefined : at(answer.body, paging.more);
  if (more === false) return null;
  const next = positionAfter(paging, position, answer, records, call, client.connection);
  // By page and offset an empty page is the end, whatever it says.
  if (next === null && more === true && (paging.type === 'cursor' || paging.type === 'last_record'))
    throw unexpected(
      call,
      'more pages follow, but the answer does not say where',
      client.connection,
    );
  return next === null ? null : JSON.stringify(next);
}

function positionAfter(
  paging: Exclude<Paging, { type: 'none' | 'link' }>,
  position: Position,
  { body }: Answer,
  records: readonly JsonObject[],
  call: Call,
  connection: string,
): Position | null {
  if (paging.type === 'cursor')
    return cursorOf(at(body, paging.next), `"${paging.next}" of the body`, call, connection);
  // A page shorter than asked for is not the last: the API may allow fewer records per page.
  const last = records.at(-1);
  if (last === undefined) return null;
  if (paging.type === 'page') return { page: (position.page ?? paging.first) + 1 };
  if (paging.type === 'offset') return { offset: (position.offset ?? 0) + records.length };
  const what = `"${paging.field}" of the last record`;
  const next = cursorOf(at(last, paging.field), what, call, connection);
  if (next === null) throw unexpected(call, `${what} is missing`, connection);
  return next;
}

function cursorOf(
  value: Value,
  what: string,
  call: Call,
  connection: string,
): { cursor: string } | null {
  if (value === undefined || value === null || value === '' || value === false) return null;
  if (typeof value === 'object' && !(value instanceof ExactNumber))
    throw unexpected(call, `${what} is not a cursor`, connection);
  return { cursor: String(value) };
}

function linkHeader(headers: Headers): string | undefined {
  for (const [, url, rest] of (headers.get('link') ?? '').matchAll(/<([^>]*)>([^<]*)/g))
    if (/;\s*rel\s*=\s*"?(?:[^";]*\s)?next\b/i.test(rest ?? '')) return url;
  return undefined;
}
