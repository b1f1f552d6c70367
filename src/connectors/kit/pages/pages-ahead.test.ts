import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { listPage } from '../../../../test/support/strict-list.ts';
import { unlimited, type Calls } from '../../contract/calls.ts';
import { callsBy, connectDirectly, wireOf } from '../../testing/direct.ts';
import { http } from '../../http/http.ts';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

/** A list of `records`, a page of 10 at most; `answer` may answer in place of it. Counts its calls. */
async function listOf(
  records: { id: string }[],
  answer: (url: URL, call: number) => { status: number; body: object } | undefined = () =>
    undefined,
) {
  let calls = 0;
  let underWay = 0;
  let most = 0;
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '', 'http://localhost');
    calls += 1;
    underWay += 1;
    most = Math.max(most, underWay);
    const { status, body } = answer(url, calls) ?? listPage(records, url, 10);
    // The later ones are often answered first.
    await sleep(5 + (calls % 3) * 10);
    underWay -= 1;
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };
  const server = createServer((request, response) => void serve(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, calls: () => calls, most: () => most };
}

function connect(url: string, pagination: object, calls: Calls) {
  const contacts = {
    key: 'id',
    fields: { id: 'text' },
    read: { path: '/list', records: 'data', pagination },
  };
  const settings = http.settings.parse({ url, streams: { contacts } });
  return connectDirectly(http, settings, { connection: 'crm', calls });
}

/** Reads a list, `limit` records at a time. */
async function* readList(url: string, pagination: object, limit: number): AsyncGenerator<string[]> {
  const connection = connect(url, pagination, unlimited);
  const source = await connection.source({ stream: 'contacts', key: ['id'], options: {} });
  let cursor: string | null = null;
  do {
    const page = await source.read({
      cursor,
      since: null,
      until: null,
      fields: ['id'],
      limit: { records: limit, bytes: 1e9 },
    });
    for await (const { rows } of page.batches()) yield rows.map(([id]) => id as string);
    ({ cursor } = page.end());
  } while (cursor !== null);
}

async function all(pages: AsyncGenerator<string[]>): Promise<string[]> {
  const ids: string[] = [];
  for await (const page of pages) ids.push(...page);
  return ids;
}

function numbered(count: number): { id: string }[] {
  return Array.from({ length: count }, (_, n) => ({ id: String(n) }));
}

test.each([
  ['page', { type: 'page', size: 10, ahead: 4, stable: true }],
  ['offset', { type: 'offset', size: 10, ahead: 4 }],
  ['offset, pages smaller than asked for', { type: 'offset', size: 50, ahead: 4 }],
  ['offset, with an end mark', { type: 'offset', size: 10, more: 'more', ahead: 4 }],
])('reads every record once, in order, several pages at once: %s', async (_, pagination) => {
  const list = await listOf(numbered(203));
  const ids = await all(readList(list.url, pagination, 1000));
  expect(ids).toEqual(numbered(203).map(({ id }) => id));
  expect(list.most()).toBeGreaterThan(2);
  expect(list.most()).toBeLessThanOrEqual(4);
  // 21 pages, or 23 that overlap by a record; the empty one after them, and those that were asked for past the end.
  expect(list.calls()).toBeLessThanOrEqual(23 + 1 + 3);
});

test('one page at a time unless told otherwise', async () => {
  const list = await listOf(numbered(100));
  await all(readList(list.url, { type: 'page', size: 10 }, 1000));
  expect(list.most()).toBe(1);
});

test.each([1, 4])('reads a list by offset of one record a page, %i ahead', async (ahead) => {
  const list = await listOf(numbered(12));
  const ids = await all(readList(list.url, { type: 'offset', size: 1, ahead }, 5));
  expect(ids).toEqual(numbered(12).map(({ id }) => id));
});

test('a connection that is closed asks for nothing more', async () => {
  const list = await listOf(numbered(400));
  let admitted = 0;
  const slow = callsBy(async (send, signal) => {
    await sleep(100 * (admitted += 1), undefined, { signal });
    return (await send(wireOf(signal))).value;
  });
  const connection = connect(list.url, { type: 'offset', size: 10, ahead: 20 }, slow);
  const source = await connection.source({ stream: 'contacts', key: ['id'], options: {} });
  const limit = { records: 20, bytes: 1e9 };
  const page = await source.read({ cursor: null, since: null, until: null, fields: ['id'], limit });
  for await (const _ of page.batches());
  await connection.close();
  const calls = list.calls();
  await sleep(600);
  expect(list.calls()).toBeLessThanOrEqual(calls + 1);
  expect(calls).toBeLessThan(10);
});

test.each([
  ['page', 33 + 1],
  // Those of all chunks but the first begin with the record before.
  ['offset', 37 + 1],
])('what a chunk has no room for is for the next one, by %s', async (type, calls) => {
  const list = await listOf(numbered(325));
  const ids = await all(readList(list.url, { type, size: 10, ahead: 8, stable: true }, 40));
  expect(ids).toEqual(numbered(325).map(({ id }) => id));
  expect(list.most()).toBeGreaterThan(4);
  expect(list.most()).toBeLessThanOrEqual(8);
  expect(list.calls()).toBeLessThanOrEqual(calls + 7);
});

test('one page at a time, no page is asked for that the chunk has no room for', async () => {
  const list = await listOf(numbered(100));
  const pages = readList(list.url, { type: 'page', size: 10 }, 40);
  for (let page = 0; page < 4; page++) await pages.next();
  await sleep(50);
  expect(list.calls()).toBe(4);
  await pages.return(undefined);
});

test('skips nothing of a list that moves meanwhile', async () => {
  const records = numbered(600);
  const stays = new Set(numbered(600).map(({ id }) => id));
  const list = await listOf(records, (_, call) => {
    if (call % 4 === 0) records.unshift({ id: `new${call}` });
    if (call % 4 === 2) for (const { id } of records.splice(call, 2)) stays.delete(id);
    return undefined;
  });
  const ids = await all(readList(list.url, { type: 'offset', size: 10, ahead: 5 }, 70));
  expect([...stays].filter((id) => !ids.includes(id))).toEqual([]);
});

test('a failure past the end does not count', async () => {
  const list = await listOf(numbered(35), (url) =>
    Number(url.searchParams.get('page')) > 4 ? { status: 404, body: {} } : undefined,
  );
  const pagination = { type: 'page', size: 10, more: 'more', ahead: 6, stable: true };
  expect(await all(readList(list.url, pagination, 1000))).toHaveLength(35);
});

test('a failure is told when its turn has come', async () => {
  const list = await listOf(numbered(100), (url) =>
    Number(url.searchParams.get('page')) === 4 ? { status: 500, body: {} } : undefined,
  );
  const pages = readList(list.url, { type: 'page', size: 10, ahead: 6, stable: true }, 1000);
  for (const first of ['0', '10', '20'])
    expect((await pages.next()).value).toEqual(expect.arrayContaining([first]));
  await expect(pages.next()).rejects.toMatchObject({ code: 'http_500' });
});
