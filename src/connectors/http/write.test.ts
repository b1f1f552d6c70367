import { describe, expect, it } from 'vitest';
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
