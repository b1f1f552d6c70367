import { describe, expect, it } from 'vitest';
import { unlimited } from '../contract/calls.ts';
import { api, connect, destinationOf, fill, single } from './testing/contacts.ts';

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
