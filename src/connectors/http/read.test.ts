import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { api, connect, fill, readAll, single, sourceOf } from './testing/contacts.ts';

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
