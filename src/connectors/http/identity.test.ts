import { describe, expect, it } from 'vitest';
import { unlimited } from '../contract/calls.ts';
import { api, create, destinationOf, operation, single } from './testing/contacts.ts';

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
