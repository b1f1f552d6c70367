import { callsBy, connectDirectly, wireOf } from '../testing/direct.ts';
import type { DirectRecords, DirectSource } from '../testing/direct.ts';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import {
  startStrictApi,
  type StrictApi,
  type StrictApiOptions,
} from '../../../test/support/strict-api.ts';
import { permissionsOf } from '../../model/mode.ts';
import type { Target } from '../contract/target.ts';
import type { WriteOperation } from '../contract/records.ts';
import { type LimitInfo } from '../../model/quota.ts';
import { unlimited, type Calls } from '../contract/calls.ts';
import { http } from './http.ts';

const open: StrictApi[] = [];

async function api(options: StrictApiOptions = {}): Promise<StrictApi> {
  const started = await startStrictApi(options);
  open.push(started);
  return started;
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

const single = {
  key: 'email',
  id: 'id',
  read: { path: '/contacts', records: 'data' },
  lookup: {
    path: '/contacts/lookup',
    method: 'POST',
    batch: 50,
    body: { keys: '{keys}' },
    records: 'records',
  },
  create: { path: '/contacts' },
  update: { path: '/contacts/{key}' },
  delete: { path: '/contacts/{key}' },
};

const bulk = {
  key: 'email',
  upsert: {
    method: 'POST',
    path: '/contacts/bulk',
    bulk: { size: 10, wrap: 'records', results: 'results', id: 'id' },
  },
};

function connect(url: string, stream: object, extra: object = {}, calls: Calls = unlimited) {
  const settings = http.settings.parse({ url, streams: { contacts: stream }, ...extra });
  return connectDirectly(http, settings, { connection: 'crm', calls });
}

function fill(server: StrictApi, count: number): void {
  for (let n = 0; n < count; n += 1) {
    const email = `p${n}@example.com`;
    const updated_at = new Date(Date.UTC(2026, 0, 1, 0, n)).toISOString();
    server.records.set(email, { id: String(n), email, address: { city: `City ${n}` }, updated_at });
  }
}

async function readAll(
  source: DirectSource,
  limit: number,
  { since = null, ms }: { since?: string | null; ms?: number } = {},
) {
  const rows: unknown[][] = [];
  const chunks: number[] = [];
  let cursor: string | null = null;
  do {
    const page = await source.read({
      cursor,
      since,
      until: null,
      fields: ['email', 'address.city', 'absent'],
      limit: { records: limit, bytes: 1e9, ...(ms !== undefined && { ms }) },
    });
    for await (const batch of page.batches()) rows.push(...batch.rows.map((row) => [...row]));
    chunks.push(page.end().records);
    ({ cursor } = page.end());
  } while (cursor !== null);
  return { rows, chunks };
}

async function sourceOf(
  url: string,
  read: object,
  watermark?: string,
  lag?: string | number,
): Promise<DirectSource> {
  const connection = connect(url, {
    key: 'email',
    read: { path: '/contacts', records: 'data', ...read },
  });
  const request = {
    stream: 'contacts',
    key: ['email'],
    options: {},
    ...(watermark && { watermark }),
    ...(lag !== undefined && { lag }),
  };
  return connection.source(request);
}

async function destinationOf(
  url: string,
  stream: object,
  extra: object = {},
  calls: Calls = unlimited,
  more: Partial<Target> = {},
) {
  const destination = await connect(url, stream, extra, calls).destination({
    sync: 's',
    stream: 'contacts',
    key: ['email'],
    fields: ['email', 'name', 'address.city'],
    permissions: permissionsOf('mirror'),
    match: { caseInsensitive: false, trim: false },
    tracked: false,
    options: {},
    ...more,
  });
  return destination as DirectRecords;
}

function operation(
  kind: WriteOperation['operation'],
  email: string,
  values: WriteOperation['values'] = {},
): WriteOperation {
  return { operation: kind, key: [email], id: null, values, idempotencyKey: `key-${email}` };
}

function create(email: string, name = 'Ann'): WriteOperation {
  return operation('create', email, { email, name });
}

describe('fields that only a later page has', () => {
  const paged = {
    key: 'email',
    read: { path: '/contacts', records: 'data', pagination: { type: 'page', size: 2 } },
    lookup: single.lookup,
  };

  it('are given where the rest is asked for, and one by one', async () => {
    const server = await api();
    fill(server, 3);
    server.records.set('late@x.org', { id: '9', email: 'late@x.org', phone: '+49' });
    const source = await connect(server.url, paged).source?.({
      stream: 'contacts',
      key: [],
      options: {},
    });
    expect(source?.sampled).toBe(true);
    expect(source?.fields.map(({ name }) => name)).not.toContain('phone');
    const request = { cursor: null, since: null, until: null, limit: { records: 9, bytes: 1e9 } };
    const page = await source?.read({ ...request, fields: ['email', 'address.city'], rest: true });
    const batches = [];
    for await (const batch of page?.batches() ?? []) batches.push(batch);
    const last = batches.at(-1);
    expect(last?.fields.map(({ name }) => name).slice(0, 2)).toEqual(['email', 'address.city']);
    const phone = last?.fields.findIndex(({ name }) => name === 'phone') ?? -1;
    expect(last?.rows.map((row) => [row[0], row[phone]])).toContainEqual(['late@x.org', '+49']);
    const found = await source?.lookup?.(['email'], [['late@x.org']], ['email', 'phone']);
    expect(found?.rows).toEqual([['late@x.org', '+49']]);
    const whole = await source?.lookup?.(['email'], [['late@x.org']], ['email'], true);
    expect(whole?.fields.map(({ name }) => name)).toEqual(['email', 'id', 'phone']);
  });

  it('are known of a destination record whose sync copies what comes', async () => {
    const server = await api();
    server.records.set('a@x.org', { id: '1', email: 'a@x.org', phone: '+49', at: 'x' });
    const more = { fields: ['email'], rest: true };
    const destination = await destinationOf(server.url, single, {}, unlimited, more);
    const [found] = (await destination.lookup?.([['a@x.org']])) ?? [];
    expect(found?.values).toMatchObject({ email: 'a@x.org', phone: '+49', at: 'x' });
  });
});

describe('reading', () => {
  it.each([
    ['page', { type: 'page', size: 10 }],
    ['offset', { type: 'offset', size: 10, more: 'more' }],
    ['offset without an end mark, pages smaller than asked for', { type: 'offset', size: 500 }],
    ['cursor', { type: 'cursor', size: 10 }],
    ['Link header', { type: 'link', size: 10 }],
  ])('reads every record once by %s', async (_, pagination) => {
    const server = await api({ pageSize: 12 });
    fill(server, 43);
    const source = await sourceOf(server.url, { pagination });
    expect(source.fields.map((field) => field.name)).toEqual([
      'id',
      'email',
      'address',
      'updated_at',
    ]);
    const { rows, chunks } = await readAll(source, 20);
    expect(rows.map(([email]) => email)).toEqual([...server.records.keys()]);
    expect(rows[7]).toEqual(['p7@example.com', 'City 7', undefined]);
    expect(Math.max(...chunks)).toBeLessThan(32);
  });

  it('ends a page where its time is up, and goes on there', async () => {
    const server = await api({ latencyMs: 30 });
    fill(server, 20);
    const source = await sourceOf(server.url, { pagination: { type: 'page', size: 5 } });
    const { rows, chunks } = await readAll(source, 20, { ms: 10 });
    expect(rows).toHaveLength(20);
    expect(chunks.slice(0, 4)).toEqual([5, 5, 5, 5]);
  });

  it('reads what changed, and the highest watermark', async () => {
    const server = await api();
    fill(server, 5);
    const incremental = {
      parameter: 'updated_since',
      highest: { params: { sort: '-updated_at' } },
    };
    const source = await sourceOf(server.url, { incremental }, 'updated_at');
    expect(await source.highWatermark?.()).toBe('2026-01-01T00:04:00.000Z');
    const { rows } = await readAll(source, 100, { since: '2026-01-01T00:02:00.000Z' });
    expect(rows.map(([email]) => email)).toEqual(['p3@example.com', 'p4@example.com']);
    await expect(sourceOf(server.url, {}, 'updated_at')).rejects.toMatchObject({
      code: 'no_watermark',
    });
  });

  it('skips nothing of a list by offset from which records go, and refuses where it lost its place (R7)', async () => {
    const server = await api({ pageSize: 12 });
    fill(server, 40);
    const openList = () => sourceOf(server.url, { pagination: { type: 'offset', size: 10 } });
    const limit = { records: 10, bytes: 1e9 };
    const more = { since: null, until: null, fields: ['email'], limit };
    const source = await openList();
    const seen: unknown[] = [];
    let cursor: string | null = null;
    for (let page = 0; ; page += 1) {
      const part = await source.read({ ...more, cursor });
      for await (const { rows } of part.batches()) seen.push(...rows.flat());
      ({ cursor } = part.end());
      if (cursor === null) break;
      // The last one read, some before it, and one that comes in front of all.
      for (const n of [1, 9, 12, 15]) server.records.delete(`p${n + page * 2}@example.com`);
      const front = { id: 'n', email: `new${page}@example.com` };
      const others = [...server.records];
      server.records.clear();
      for (const [key, record] of [[front.email, front] as const, ...others])
        server.records.set(key, record);
    }
    const present = [...server.records.keys()].filter((email) => email.startsWith('p'));
    expect(present.filter((email) => !seen.includes(email))).toEqual([]);
    expect(new Set(seen).size).toBe(seen.length);

    const first = await (await openList()).read({ ...more, cursor: null });
    for await (const _ of first.batches());
    for (const email of [...server.records.keys()].slice(0, 12)) server.records.delete(email);
    const lost = await source.read({ ...more, cursor: first.end().cursor });
    await expect(lost.batches()[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: 'source_moved',
    });
  });

  it('tells the highest watermark that it has met, and reads from before it by its lag', async () => {
    const server = await api();
    fill(server, 30);
    const read = {
      incremental: { parameter: 'updated_since' },
      pagination: { type: 'cursor', size: 10 },
    };
    const source = await sourceOf(server.url, read, 'updated_at', '90s');
    expect(source.highWatermark).toBeUndefined();
    let cursor: string | null = null;
    const met: unknown[] = [];
    do {
      const limit = { records: 10, bytes: 1e9 };
      const page = await source.read({
        cursor,
        since: null,
        until: null,
        fields: ['email'],
        limit,
      });
      for await (const _ of page.batches());
      met.push(page.end().highest);
      ({ cursor } = page.end());
    } while (cursor !== null);
    expect(met).toEqual(['09', '19', '29'].map((minute) => `2026-01-01T00:${minute}:00.000Z`));
    const { rows } = await readAll(source, 100, { since: '2026-01-01T00:28:30.000Z' });
    expect(rows.map(([email]) => email)).toEqual(['p28@example.com', 'p29@example.com']);
    const wrong = await sourceOf(server.url, read, 'updated_at', 90);
    await expect(readAll(wrong, 100, { since: '2026-01-01T00:28:30.000Z' })).rejects.toMatchObject({
      code: 'invalid_lag',
    });
  });

  it('stays in the present where a record is ahead of it', async () => {
    const server = await api();
    const [id, email, updated_at] = ['f', 'far@example.com', '2999-01-01T00:00:00.000Z'];
    server.records.set(email, { id, email, updated_at });
    const incremental = {
      parameter: 'updated_since',
      highest: { params: { sort: '-updated_at' } },
    };
    const source = await sourceOf(server.url, { incremental }, 'updated_at');
    const high = (await source.highWatermark?.()) ?? '';
    const settled = await source.settled?.(high);
    expect([high, settled?.ahead]).toEqual([updated_at, true]);
    const page = await source.read({
      cursor: null,
      since: null,
      until: null,
      fields: ['email'],
      limit: { records: 10, bytes: 1e9 },
    });
    for await (const _ of page.batches());
    for (const text of [settled?.watermark, page.end().highest])
      expect(Date.parse(text ?? '')).toBeLessThanOrEqual(Date.now());
  });

  it('reads in the order of the watermark only what is declared sorted, and proves it', async () => {
    const server = await api({ pageSize: 4 });
    fill(server, 11);
    const sorted = { parameter: 'updated_since', sorted: true };
    const ordered = (read: object, more: object = { watermark: 'updated_at' }) =>
      connect(server.url, {
        key: 'email',
        read: { path: '/contacts', records: 'data', pagination: { type: 'cursor' }, ...read },
      }).source({ stream: 'contacts', key: ['email'], options: {}, order: 'watermark', ...more });
    for (const refused of [
      ordered({ incremental: sorted }, {}),
      ordered({ incremental: { parameter: 'updated_since' } }),
      ordered({ incremental: sorted, pagination: { type: 'page' } }),
    ])
      await expect(refused).rejects.toMatchObject({ code: 'unsupported_order' });
    const up = await ordered({ incremental: sorted, params: { sort: 'updated_at' } });
    expect((await readAll(up, 1)).rows).toHaveLength(11);
    // With one record a page, it is the pages that are out of order.
    const pagination = { type: 'cursor', size: 1 };
    const down = await ordered({
      incremental: sorted,
      params: { sort: '-updated_at' },
      pagination,
    });
    await expect(readAll(down, 1)).rejects.toMatchObject({
      code: 'out_of_order',
      message: expect.stringMatching(/"contacts".*"updated_at"/) as string,
    });
    server.records.set('x', { email: 'x', updated_at: null });
    server.records.set('y', { email: 'y', updated_at: '2030-01-01T00:00:00Z' });
    const undated = await ordered({ incremental: sorted, pagination });
    await expect(readAll(undated, 1)).rejects.toMatchObject({ code: 'out_of_order' });
  });

  it('never takes a list that is not there for an empty one (R7)', async () => {
    const server = await api();
    await expect(sourceOf(server.url, { records: 'items' })).rejects.toMatchObject({
      class: 'config',
      code: 'unexpected_answer',
    });
  });

  it('does not follow a link to another origin', async () => {
    const body = JSON.stringify({ data: [{ a: 1 }], next: 'http://elsewhere.test/contacts' });
    const server = createServer((_, response) => response.end(body));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const opening = sourceOf(`http://127.0.0.1:${port}`, {
      pagination: { type: 'link', next: 'next' },
    });
    await expect(opening).rejects.toThrow('leaves the origin');
    server.close();
  });

  it('names the nearest stream', async () => {
    const connection = connect('http://127.0.0.1:1', single);
    const request = { stream: 'contcts', key: ['email'], options: {} };
    await expect(connection.source(request)).rejects.toThrow('nearest: contacts');
  });
});

describe('credentials', () => {
  it.each([
    { type: 'bearer', token: 'secret-1' },
    { type: 'basic', username: 'me', password: 'secret-1' },
    { type: 'header', name: 'X-Api-Key', value: 'secret-1' },
    { type: 'query', name: 'api_key', value: 'secret-1' },
  ])('$type', async (auth) => {
    const server = await api({ token: 'secret-1' });
    await connect(server.url, single, { auth }).check();
    const wrong = JSON.parse(JSON.stringify(auth).replace('secret-1', 'secret-2')) as object;
    const failure: unknown = await connect(server.url, single, { auth: wrong })
      .check()
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ class: 'config', code: 'credentials', connection: 'crm' });
    expect(String(failure)).not.toContain('secret');
  });

  it('never shows a credential that no header can hold', async () => {
    const auth = { type: 'bearer', token: 'secret-1\n2' };
    const failure: unknown = await connect('http://127.0.0.1:9', single, { auth })
      .check()
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ class: 'config', code: 'credentials' });
    expect(String(failure)).not.toContain('secret');
  });

  it('oauth2 keeps its token and renews it once when it is refused', async () => {
    const server = await api({ client: { id: 'me', secret: 'secret-1' } });
    const auth = {
      type: 'oauth2',
      tokenUrl: `${server.url}/oauth/token`,
      clientId: 'me',
      clientSecret: 'secret-1',
    };
    const connection = connect(server.url, single, { auth });
    await Promise.all([connection.check(), connection.check(), connection.check()]);
    expect(server.stats().tokens).toBe(1);
    server.expireTokens();
    await Promise.all([connection.check(), connection.check()]);
    expect(server.stats().tokens).toBe(2);
    const wrong = connect(server.url, single, { auth: { ...auth, clientSecret: 'secret-2' } });
    await expect(wrong.check()).rejects.toMatchObject({ code: 'credentials' });
  });
});

describe('writing', () => {
  it('creates, looks up, updates and removes single records', async () => {
    const server = await api();
    const destination = await destinationOf(server.url, single);
    expect(destination.idempotentCreate).toBe(false);
    expect(await destination.write([create('a/b@example.com')])).toEqual([{ ok: true, id: '1' }]);
    const change = operation('update', 'a/b@example.com', { 'address.city': 'Bern' });
    expect(await destination.write([change])).toEqual([{ ok: true, id: '1' }]);
    expect(await destination.lookup!([['a/b@example.com'], ['none@example.com']])).toEqual([
      {
        key: ['a/b@example.com'],
        id: '1',
        values: { email: 'a/b@example.com', name: 'Ann', 'address.city': 'Bern' },
      },
    ]);
    expect(server.log[1]?.fields).toEqual({ address: { city: 'Bern' } });
    const removal = operation('remove', 'a/b@example.com');
    expect(await destination.write([removal])).toEqual([{ ok: true }]);
    expect(await destination.write([removal])).toEqual([{ ok: true }]);
    expect(server.records.size).toBe(0);
  });

  it('makes a refusal the error of the record, without its values (R1, R8)', async () => {
    const server = await api({ poison: ['Evil'] });
    const destination = await destinationOf(server.url, single);
    const [poisoned] = await destination.write([create('a@example.com', 'Evil')]);
    expect(poisoned).toMatchObject({ ok: false, class: 'record', code: 'http_400', field: 'name' });
    expect(JSON.stringify(poisoned)).not.toContain('Evil');
    const [missing] = await destination.write([
      operation('update', 'a@example.com', { name: 'x' }),
    ]);
    expect(missing).toMatchObject({
      class: 'record',
      code: 'http_404',
      message: 'no such contact',
    });
    const [dots] = await destination.write([operation('remove', '..')]);
    expect(dots).toMatchObject({ class: 'record', code: 'invalid_value' });
  });

  it('replaces whole records where only upsert is declared', async () => {
    const server = await api();
    const destination = await destinationOf(server.url, { upsert: { path: '/contacts/{key}' } });
    expect(destination.idempotentCreate).toBe(true);
    expect(destination).not.toHaveProperty('lookup');
    await destination.write([create('a@example.com')]);
    const before = { email: 'a@example.com', name: 'Ann' };
    await destination.write([
      { ...operation('update', 'a@example.com', { 'address.city': 'Bern' }), before },
    ]);
    expect(server.records.get('a@example.com')).toMatchObject({
      name: 'Ann',
      address: { city: 'Bern' },
    });
  });

  it('tells the results of a bulk call apart', async () => {
    const server = await api({ poison: ['Evil'] });
    server.faults.items.set('c@x.io', 409).set('d@x.io', 429).set('e@x.io', 500);
    const destination = await destinationOf(server.url, bulk);
    expect(destination.batch.create).toBe(10);
    const results = await destination.write([
      create('a@x.io'),
      create('b@x.io', 'Evil'),
      ...['c@x.io', 'd@x.io', 'e@x.io'].map((email) => create(email)),
    ]);
    expect(results).toMatchObject([
      { ok: true, id: '1' },
      { class: 'record', code: 'http_400', field: 'name' },
      { class: 'record', code: 'http_409' },
      { class: 'limited' },
      { class: 'transient', code: 'http_500' },
    ]);
    expect([...server.records.keys()]).toEqual(['a@x.io']);
  });

  it('says when a bulk call was refused as a whole', async () => {
    const server = await api({ bulk: 1 });
    const destination = await destinationOf(server.url, bulk);
    const writing = destination.write([create('a@x.io'), create('b@x.io')]);
    await expect(writing).rejects.toMatchObject({ name: 'RejectedError', code: 'http_413' });
  });
});

describe('ids that the API assigns', () => {
  const stream = {
    key: 'email',
    lookup: single.lookup,
    create: { path: '/contacts' },
    update: { path: '/contacts/{id}' },
    delete: { path: '/contacts/{id}' },
  };
  const withId = (url: string, more: object, key: string[] = ['id']) =>
    destinationOf(url, { ...stream, ...more }, {}, unlimited, { key, id: 'id' });

  it('refuses calls that tell no ids, or name records by something else', async () => {
    const size = { size: 10, wrap: 'records' };
    const path = '/contacts/bulk';
    const results = 'results';
    for (const more of [
      { create: { path, bulk: size } },
      { create: { path, bulk: { ...size, results } } },
      { create: { path, bulk: { ...size, results, id: 'id', match: 'key' } } },
      { update: { path: '/contacts/{email}' } },
      { delete: { path: '/contacts/remove' } },
    ])
      await expect(withId('http://127.0.0.1:1', more)).rejects.toMatchObject({
        code: 'invalid_id',
      });
    // The key is another field: {key} is no id.
    const update = { path: '/contacts/{key}' };
    await expect(withId('http://127.0.0.1:1', { update }, ['email'])).rejects.toMatchObject({
      code: 'invalid_id',
    });
    expect(await withId('http://127.0.0.1:1', { update })).toBeDefined();
  });

  it('says honestly which creates may be repeated, and whether it finds records by id', async () => {
    const url = 'http://127.0.0.1:1';
    const list = { size: 10, results: 'results', id: 'id' };
    const idempotencyHeader = 'Idempotency-Key';
    const repeatable = async (call: object) =>
      (await withId(url, { create: { path: '/contacts', ...call } })).idempotentCreate;
    expect(await repeatable({})).toBe(false);
    expect(await repeatable({ idempotencyHeader })).toBe(true);
    expect(await repeatable({ idempotencyHeader, bulk: list })).toBe(false);
    expect(await repeatable({ method: 'PUT', path: '/contacts/{id}' })).toBe(true);
    expect((await withId(url, {})).lookup).toBeUndefined();
    expect((await withId(url, { lookup: { path: '/contacts/{id}' } })).lookup).toBeDefined();
    expect((await withId(url, {}, ['email'])).lookup).toBeDefined();
  });

  it('finds by the path of a record, and addresses items of a list by their ids', async () => {
    const server = await api({ key: 'id' });
    const lookup = { path: '/contacts/{id}' };
    const list = { size: 10, wrap: 'records', results: 'results', id: 'id' };
    const update = { method: 'POST', path: '/contacts/bulk', bulk: list };
    const destination = await withId(server.url, { lookup, update });
    const made = await destination.write([
      { ...create('a@x'), key: [null], values: { email: 'a@x', id: null } },
    ]);
    expect(made).toEqual([{ ok: true, id: '1' }]);
    const change = { ...operation('update', 'a@x', { name: 'B' }), id: '1', key: [null] };
    expect(await destination.write([change])).toEqual([{ ok: true, id: '1' }]);
    expect(await destination.lookup?.([['1'], ['2']])).toMatchObject([
      { id: '1', key: ['1'], values: { name: 'B' } },
    ]);
  });

  it('makes an error of a create whose answer tells no id', async () => {
    const server = await api({ key: 'id' });
    const destination = await withId(server.url, { create: { path: '/contacts', id: 'nowhere' } });
    const [result] = await destination.write([{ ...create('a@x'), key: [null] }]);
    expect(result).toMatchObject({ ok: false, class: 'record', code: 'missing_id' });
  });
});

describe('failures', () => {
  it('tells a call that cannot have arrived from one that may have', async () => {
    const server = await api();
    const destination = await destinationOf(server.url, single);
    server.faults.drop = 1;
    await expect(destination.write([create('a@x.io')])).rejects.toMatchObject({
      class: 'transient',
      code: 'unknown_outcome',
    });
    expect(server.log).toHaveLength(1);
    server.faults.fail = 2;
    await expect(destination.write([create('b@x.io')])).rejects.toMatchObject({
      code: 'unknown_outcome',
    });
    await expect(destination.write([operation('remove', 'a@x.io')])).rejects.toMatchObject({
      code: 'http_500',
    });
    const gone = await api();
    await gone.close();
    const unreachable = await destinationOf(gone.url, single);
    await expect(unreachable.write([create('b@x.io')])).rejects.toMatchObject({
      code: 'unreachable',
    });
  });

  it('ends a call after the time-out, and reading at once when it is cancelled', async () => {
    const server = await api({ latencyMs: 300 });
    const destination = await destinationOf(server.url, single, { timeout: '50ms' });
    await expect(destination.write([create('a@x.io')])).rejects.toMatchObject({
      code: 'unknown_outcome',
    });
    await expect(destination.lookup!([['a@x.io']])).rejects.toMatchObject({ code: 'timeout' });
    const patient = await destinationOf(server.url, single);
    const reading = patient.scan!(AbortSignal.abort(new Error('cancelled')));
    await expect(reading[Symbol.asyncIterator]().next()).rejects.toThrow('cancelled');
  });

  it('asks before it sends a call, after the wait for the quota, and sends nothing when told not to', async () => {
    const server = await api();
    const steps: string[] = [];
    const calls = callsBy(async (send, signal) => {
      steps.push('admitted');
      await beforeSend();
      return (await send(wireOf(signal))).value;
    });
    const destination = await destinationOf(server.url, single, {}, calls);
    const beforeSend = async () => {
      steps.push(`asked after ${server.stats().requests} calls`);
      throw new Error('not mine');
    };
    const writing = destination.write([create('a@x.io')]);
    await expect(writing).rejects.toThrow('not mine');
    expect(steps).toEqual(['admitted', 'asked after 0 calls']);
    expect(server.stats().requests).toBe(0);
  });

  it('reports limits to the throttle and waits instead of failing (R9)', async () => {
    const server = await api({ quota: { requests: 1, perMs: 5000 } });
    const seen: (LimitInfo | undefined)[] = [];
    const calls = callsBy(async (send, signal) => {
      const { value, limits } = await send(wireOf(signal));
      seen.push(limits);
      return value;
    });
    const destination = await destinationOf(server.url, single, {}, calls);
    await destination.write([create('a@x.io')]);
    await expect(destination.write([create('b@x.io')])).rejects.toMatchObject({
      class: 'limited',
      retryAfterMs: 5000,
    });
    expect(seen).toMatchObject([{ remaining: 0 }, { limited: true, retryAfterMs: 5000 }]);
    expect(seen[0]?.limited).toBeUndefined();
  });
});

function modesWith(stream: object) {
  const settings = http.settings.parse({ url: 'https://x.test', streams: { s: stream } });
  return http.destination?.modes(settings, { stream: 's', options: {} });
}

describe('settings', () => {
  it('computes the modes from the calls that are declared', () => {
    const all = { upsert: true, update: true, create: true, mirror: true };
    expect(modesWith({ upsert: { path: '/a' }, delete: { path: '/a' } })).toEqual(all);
    expect(modesWith({ upsert: { path: '/a' } })).toEqual({
      ...all,
      mirror: 'stream "s" declares no delete',
    });
    expect(modesWith({ create: { path: '/a' } })).toMatchObject({
      create: true,
      update: 'stream "s" declares no update (or upsert)',
    });
  });

  it('refuses what it does not know', () => {
    expect(() =>
      http.settings.parse({ url: 'https://x.test', streams: {}, tiemout: '1s' }),
    ).toThrow('tiemout');
    expect(() => http.settings.parse({ url: 'file:///etc/passwd', streams: {} })).toThrow('url');
    expect(() => http.settings.parse({ url: 'https://me:pw@x.test', streams: {} })).toThrow('auth');
  });
});
