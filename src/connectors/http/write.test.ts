import { describe, expect, it } from 'vitest';
import { serve } from '../kit/testing/served.ts';
import { api, bulk, create, destinationOf, operation, single } from './testing/contacts.ts';

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

describe('the ETag', () => {
  const stream = { ...single, update: { path: '/contacts/{key}', ifMatch: 'meta.etag' } };

  it('of a looked-up record goes along with an update where the system is read too', async () => {
    let etag = '"1"';
    const server = await serve(({ method, headers }) => {
      if (method === 'POST')
        return { json: { records: [{ email: 'a@x.io', id: '1', name: 'old', meta: { etag } }] } };
      return headers['if-match'] === etag ? { json: { name: 'New' } } : { status: 412 };
    });
    const destination = await destinationOf(server.url, stream, {}, undefined, { twoWay: true });
    const found = (await destination.lookup?.([['a@x.io']])) ?? [];
    expect(found).toMatchObject([{ id: '1', version: '"1"' }]);
    const update = { ...operation('update', 'a@x.io', { name: 'new' }), version: '"1"' };
    const written = await destination.write([update]);
    etag = '"2"';
    const late = await destination.write([update]);
    await server.close();
    expect(written).toEqual([{ ok: true, stored: { name: 'New' } }]);
    expect(late).toMatchObject([{ ok: false, class: 'record', code: 'edited' }]);
  });

  it('stays at home where the system is only written, and is none of a list', async () => {
    const server = await serve(() => ({
      json: { records: [{ email: 'a@x.io', meta: { etag: '"1"' } }] },
    }));
    const destination = await destinationOf(server.url, stream);
    const found = await destination.lookup?.([['a@x.io']]);
    await server.close();
    expect(found?.[0]).not.toHaveProperty('version');
    const list = { path: '/contacts', ifMatch: 'etag', bulk: { size: 2 } };
    await expect(destinationOf(server.url, { ...single, update: list })).rejects.toThrow(
      'If-Match',
    );
  });
});

describe('forms', () => {
  it('hold a record, or a list of them under a name', async () => {
    const server = await serve(() => ({ json: {} }));
    const form = { path: '/contacts', encoding: 'form' };
    const nested = operation('create', 'a@x.io', { email: 'a@x.io', 'address.city': 'Bern' });
    const alone = await destinationOf(server.url, { create: form });
    const [result] = await alone.write([nested]);
    const list = { ...form, bulk: { size: 2, wrap: 'items' } };
    const listing = await destinationOf(server.url, { create: list });
    await listing.write([nested]);
    await server.close();
    expect(result).toEqual({ ok: true });
    expect(server.arrived.map(({ body }) => [...new URLSearchParams(body)])).toEqual([
      [
        ['email', 'a@x.io'],
        ['address[city]', 'Bern'],
      ],
      [
        ['items[0][email]', 'a@x.io'],
        ['items[0][address][city]', 'Bern'],
      ],
    ]);
    const nameless = { ...form, bulk: { size: 2 } };
    await expect(destinationOf(server.url, { create: nameless })).rejects.toThrow('bulk.wrap');
  });
});

describe('results apart from their order', () => {
  const trace = 'objectWriteTraceId';
  const inputs = {
    path: '/contacts/batch',
    body: 'properties',
    bulk: {
      size: 10,
      wrap: 'inputs',
      results: 'results',
      id: 'id',
      match: 'trace',
      trace,
      errors: 'errors',
      errorTrace: `context.${trace}`,
    },
  };

  it('are told by an id that is sent along, failures apart (HubSpot: 207)', async () => {
    const server = await serve(({ body }) => {
      const { inputs: sent } = JSON.parse(body) as { inputs: Record<string, unknown>[] };
      const [a, b, c] = sent.map((input) => input[trace]);
      return {
        status: 207,
        json: {
          results: [{ id: '3', [trace]: c }],
          errors: [
            {
              status: 'error',
              category: 'CONFLICT',
              message: 'it is there',
              context: { [trace]: [a] },
            },
            { status: 'error', message: 'of another call', context: { [trace]: ['x'] } },
          ],
          ignored: b,
        },
      };
    });
    const destination = await destinationOf(server.url, { create: inputs });
    const results = await destination.write(['a', 'b', 'c'].map((key) => create(`${key}@x.io`)));
    await server.close();
    expect(results).toMatchObject([
      { ok: false, class: 'record', code: 'http_400', message: 'it is there' },
      { ok: false, class: 'transient', code: 'unknown_outcome' },
      { ok: true, id: '3' },
    ]);
    const [call] = server.arrived;
    expect(JSON.parse(call?.body ?? '')).toMatchObject({
      inputs: ['a', 'b', 'c'].map((key) => ({
        properties: { email: `${key}@x.io` },
        [trace]: `key-${key}@x.io`,
      })),
    });
  });

  it('are told by the key where results carry it', async () => {
    const server = await serve(() => ({
      json: {
        results: [
          { email: 'b@x.io', status: 409 },
          { email: 'a@x.io', id: '1' },
        ],
      },
    }));
    const byKey = { size: 10, results: 'results', id: 'id', match: 'key' };
    const stream = { create: { path: '/contacts/bulk', bulk: byKey } };
    const destination = await destinationOf(server.url, stream);
    const results = await destination.write(['a', 'b', 'c'].map((key) => create(`${key}@x.io`)));
    await server.close();
    expect(results).toMatchObject([
      { ok: true, id: '1' },
      { ok: false, code: 'http_409' },
      { ok: false, code: 'unknown_outcome' },
    ]);
  });

  it.each([
    ['trace', { match: 'trace' }],
    ['trace', { trace }],
    ['item', { match: 'trace', trace, item: 'key' }],
    ['errors', { errors: 'errors' }],
  ])('asks for what goes together (%s)', async (named, bulkPart) => {
    const calls = { path: '/x', bulk: { size: 2, results: 'results', ...bulkPart } };
    await expect(destinationOf('http://127.0.0.1:1', { create: calls })).rejects.toThrow(named);
  });
});
