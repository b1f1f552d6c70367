import { ExactNumber, isJsonObject, type Json, type JsonObject } from '../../../model/json.ts';
import type { Cursor } from '../../contract/page.ts';
import type { Calls } from '../../contract/calls.ts';
import type { Answer, Call } from '../http/call.ts';
import type { HttpClient } from '../http/client.ts';
import { unexpected } from '../http/failures.ts';
import { at } from '../paths.ts';
import type { ListCall, Params } from './list.ts';

/** One page of a list as the API gave it. */
export interface ApiPage {
  readonly records: readonly JsonObject[];
  /** How many records the call gave. */
  readonly given: number;
  readonly size: number;
  /** Where the next page starts; null after the last. */
  readonly next: Cursor | null;
}

/** Where a page starts, in the words of its kind of paging. */
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
  const call: Call = {
    method: 'GET',
    path: position.url ?? read.path,
    label: read.path,
    // A link to the next page already holds every parameter.
    params: position.url === undefined ? paramsOf(read, position, extra) : [],
  };
  const answer = await client.request(call, calls);
  if (answer.status >= 400)
    throw unexpected(call, `was answered ${answer.status}`, client.connection);
  const records = recordsAt(
    textOf(answer, call, client.connection),
    read.records,
    call,
    client.connection,
  );
  const next = nextPosition(client, read, position, answer, records.length, call);
  if (next !== null && next === cursor)
    throw unexpected(call, 'the next page is the same page again', client.connection);
  return { records, given: records.length, size: answer.size, next };
}

/**
 * Where pages start from `first` on, so many at most, if each begins `step` records after the one before. Pages that only
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

function paramsOf(read: ListCall, position: Position, extra: Params): [string, string][] {
  const paging = read.pagination;
  const params: Record<string, string | number | boolean> = { ...read.params };
  if (paging.type !== 'none') params[paging.sizeParameter] = paging.size;
  if (paging.type === 'page') params[paging.parameter] = position.page ?? paging.first;
  if (paging.type === 'offset') params[paging.parameter] = position.offset ?? 0;
  if (paging.type === 'cursor' && position.cursor !== undefined)
    params[paging.parameter] = position.cursor;
  return pairs({ ...params, ...extra });
}

function nextPosition(
  client: HttpClient,
  read: ListCall,
  position: Position,
  answer: Answer,
  count: number,
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
  if (paging.more !== undefined && at(answer.body, paging.more) === false) return null;
  if (paging.type === 'cursor') {
    const token = at(answer.body, paging.next);
    if (token === undefined || token === null || token === '' || token === false) return null;
    if (typeof token === 'object' && !(token instanceof ExactNumber))
      throw unexpected(call, `"${paging.next}" of the body is not a cursor`, client.connection);
    return JSON.stringify({ cursor: String(token) });
  }
  // A page shorter than asked for is not the last: the API may allow fewer records per page.
  if (count === 0) return null;
  if (paging.type === 'page') return JSON.stringify({ page: (position.page ?? paging.first) + 1 });
  return JSON.stringify({ offset: (position.offset ?? 0) + count });
}

function linkHeader(headers: Headers): string | undefined {
  for (const [, url, rest] of (headers.get('link') ?? '').matchAll(/<([^>]*)>([^<]*)/g))
    if (/;\s*rel\s*=\s*"?(?:[^";]*\s)?next\b/i.test(rest ?? '')) return url;
  return undefined;
}
