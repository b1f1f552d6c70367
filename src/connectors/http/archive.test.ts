import { describe, expect, it } from 'vitest';
import { unlimited } from '../contract/calls.ts';
import { http } from './http.ts';
import { api, create, destinationOf, operation, single } from './testing/contacts.ts';

const archiving = {
  ...single,
  archive: { path: '/contacts/{key}/archive' },
  archived: 'archived',
  restore: { path: '/contacts/{key}/restore' },
};

function removalsWith(stream: object) {
  const settings = http.settings.parse({ url: 'https://x.test', streams: { s: stream } });
  return http.destination?.removals?.(settings, { stream: 's', options: {} });
}

function modesWith(stream: object) {
  const settings = http.settings.parse({ url: 'https://x.test', streams: { s: stream } });
  return http.destination?.modes(settings, { stream: 's', options: {} });
}

describe('archiving', () => {
  it('is the usual way to remove where it is declared, and enough for a mirror', () => {
    const { delete: _, ...without } = archiving;
    expect(removalsWith(archiving)).toEqual(['archive', 'delete']);
    expect(removalsWith(without)).toEqual(['archive']);
    expect(removalsWith(single)).toEqual(['delete']);
    expect(modesWith(without)?.mirror).toBe(true);
  });

  it('hides a record, finds it again, and brings it back with what differs', async () => {
    const server = await api();
    const destination = await destinationOf(server.url, archiving);
    await destination.write([create('a@x.io'), create('b@x.io')]);
    expect(await destination.write([operation('remove', 'a@x.io')])).toMatchObject([{ ok: true }]);
    expect(server.records.get('a@x.io')).toMatchObject({ name: 'Ann', archived: true });
    const found = await destination.lookup?.([['a@x.io'], ['b@x.io']]);
    expect(found?.map(({ key, archived }) => [key, archived])).toEqual([
      [['a@x.io'], true],
      [['b@x.io'], undefined],
    ]);
    const back = { ...operation('update', 'a@x.io', { name: 'Bea' }), restore: true };
    const other = operation('update', 'b@x.io', { name: 'Cid' });
    const results = await destination.write([back, other]);
    expect(results).toEqual([
      { ok: true, id: '1' },
      { ok: true, id: '2' },
    ]);
    expect([...server.records.values()]).toMatchObject([
      { name: 'Bea', archived: false },
      { name: 'Cid' },
    ]);
  });

  it('scans what is not archived, also where the list has all', async () => {
    const server = await api();
    // The marks of this list are times: it does not leave the records out.
    server.records.set('a', { email: 'a@x.io', archivedAt: '2026-01-01T00:00:00Z' });
    server.records.set('b', { email: 'b@x.io', archivedAt: null });
    const destination = await destinationOf(server.url, { ...archiving, archived: 'archivedAt' });
    const keys: unknown[] = [];
    for await (const page of destination.scan?.() ?? []) keys.push(...page.map(({ key }) => key));
    expect(keys).toEqual([['b@x.io']]);
  });

  it('deletes for good where it is told to, and sends what the call declares', async () => {
    const server = await api();
    const archive = { method: 'PATCH', path: '/contacts/{key}', send: { archived: true } };
    const [hide, erase] = await Promise.all(
      (['archive', 'delete'] as const).map((removal) =>
        destinationOf(server.url, { ...archiving, archive }, {}, unlimited, { removal }),
      ),
    );
    await hide?.write([create('a@x.io')]);
    await hide?.write([operation('remove', 'a@x.io')]);
    expect(server.log.at(-1)).toMatchObject({ operation: 'update', fields: { archived: true } });
    await erase?.write([operation('remove', 'a@x.io')]);
    expect(server.records.size).toBe(0);
  });

  it('keeps the errors of records apart where one cannot be brought back, or not be changed', async () => {
    const server = await api({ poison: ['Evil'] });
    const path = '/contacts/bulk';
    const update = { path, bulk: { size: 10, wrap: 'records', results: 'results' } };
    const destination = await destinationOf(server.url, {
      ...archiving,
      update: { ...update, method: 'POST' },
    });
    for (const email of ['a@x.io', 'b@x.io']) await destination.write([create(email)]);
    const changes = [
      { ...operation('update', 'gone@x.io', { name: 'Bea' }), restore: true },
      operation('update', 'a@x.io', { name: 'Cid' }),
      { ...operation('update', 'b@x.io', { name: 'Evil' }), restore: true },
    ];
    expect(await destination.write(changes)).toMatchObject([
      { ok: false, class: 'record', code: 'http_404' },
      { ok: true },
      { ok: false, class: 'record', code: 'http_400', field: 'name' },
    ]);
    const whole = { ...update, path: '/contacts/atomic', method: 'POST' };
    const all = await destinationOf(server.url, { ...archiving, update: whole });
    expect(await all.write(changes.slice(2))).toMatchObject([
      { ok: false, class: 'record', code: 'http_400' },
    ]);
  });

  it('asks for the call that brings records back where archived ones are known', () => {
    const { restore: _, ...lacking } = archiving;
    expect(() => removalsWith(lacking)).toThrow('archived and restore go together');
  });
});
