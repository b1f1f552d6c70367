import { expect, test } from 'vitest';
import type { IncomingRecord } from '../../model/golden-record.ts';
import type { JsonObject } from '../../model/json.ts';
import { copying, EntityStore, type EntityInput } from './testing/entity-store.ts';

const fields = ['name', 'city', 'phone', 'size', 'kind'];
const account = (merge: Partial<NonNullable<EntityInput['merge']>>): EntityInput => ({
  fields: {
    name: 'text',
    city: 'text',
    phone: 'text',
    size: 'integer',
    kind: 'text',
    label: { type: 'text', expr: 'concat(name, city)' },
  },
  sources: { crm: copying(fields), shop: copying(fields) },
  authority: {
    name: 'latest',
    city: 'latest',
    phone: 'latest',
    size: 'latest',
    kind: { owner: 'crm' },
  },
  merge: { match: [['name']], ...merge },
});

function record(source: string, id: string, at: number, values: JsonObject): IncomingRecord {
  return { source, id, at: String(at), values, deleted: false };
}

/** Returns a store with three records called Acme, each of another cycle, and one with another name. */
function filled(merge: Partial<NonNullable<EntityInput['merge']>>): EntityStore {
  const store = new EntityStore(account(merge));
  store.take(record('shop', 'a', 9, { name: 'Acme', city: '', size: 5 }));
  store.nextCycle();
  store.take(record('crm', 'b', 5, { name: 'Acme', city: 'Ulm', phone: '1', kind: 'x' }));
  store.nextCycle();
  store.take(
    record('shop', 'c', 7, { name: 'Acme', city: 'Bonn', phone: '2', size: 6, kind: 'y' }),
  );
  store.take(record('crm', 'd', 1, { name: 'Bolt' }));
  store.nextCycle();
  store.merge();
  return store;
}

const acme = (store: EntityStore): JsonObject | undefined =>
  store.values.find(({ name }) => name === 'Acme');

test('the oldest wins and its empty fields are filled, first from the older loser', () => {
  const store = filled({});
  expect([...store.records.keys()]).toEqual(['1', '4']);
  expect(acme(store)).toEqual({
    name: 'Acme',
    city: 'Ulm',
    size: 5,
    phone: '1',
    kind: 'x',
    label: 'AcmeUlm',
  });
  expect(store.records.get('1')?.setBy['city']).toEqual({ source: 'crm', at: '5', cycle: 2 });
});

test('ids move to the winner, and the log tells both sides', () => {
  const store = filled({});
  expect([...store.sourceRecords.values()].map(({ id, record: of }) => [id, of])).toEqual([
    ['a', '1'],
    ['b', '1'],
    ['c', '1'],
    ['d', '4'],
  ]);
  const moved = { change: 'moved', by: 'merge' };
  expect(store.entries.get('1')).toMatchObject({
    operation: 'merge',
    merged: ['2', '3'],
    changes: [
      { field: 'city', old: '', new: 'Ulm', source: 'crm', at: '5', by: 'fill' },
      { field: 'phone', old: null, new: '1', by: 'fill' },
      { field: 'kind', old: null, new: 'x', by: 'fill' },
      { field: 'label', old: 'Acme', new: 'AcmeUlm', source: '_', by: 'derived' },
    ],
    ids: [
      { system: 'crm', id: 'b', ...moved },
      { system: 'shop', id: 'c', ...moved },
    ],
  });
  expect(store.entries.get('2')).toMatchObject({
    operation: 'delete',
    merged: ['1'],
    ids: [{ system: 'crm', id: 'b', ...moved }],
  });
  expect(store.keys.get('["name"]\n"Acme"')).toEqual(new Set(['1']));
});

const winners: readonly [NonNullable<EntityInput['merge']>['winner'], string][] = [
  ['oldest', '1'],
  ['newest', '3'],
  ['complete', '2'],
  [{ ranked: ['crm'] }, '2'],
  [{ expr: 'size' }, '3'],
  [{ expr: 'city == "Ulm"' }, '2'],
  [{ expr: 'number(city)' }, '1'],
];

test.each(winners)('winner %j is %s', (winner, id) => {
  const store = filled({ winner });
  expect([...store.records.keys()].toSorted()).toEqual([id, '4']);
});

test('policies: the newest value, the best ranked, never', () => {
  expect(acme(filled({ default: 'newest' }))).toMatchObject({ city: 'Bonn', phone: '2', size: 5 });
  expect(acme(filled({ default: { ranked: ['crm', 'shop'] } }))).toMatchObject({
    city: 'Ulm',
    phone: '1',
    size: 5,
  });
  expect(acme(filled({ default: 'never' }))).toEqual({
    name: 'Acme',
    city: '',
    size: 5,
    label: 'Acme',
  });
  expect(acme(filled({ override: { city: 'newest', phone: 'never' } }))).toEqual({
    name: 'Acme',
    city: 'Bonn',
    size: 5,
    kind: 'x',
    label: 'AcmeBonn',
  });
});

test('an empty value of a loser replaces nothing, however new', () => {
  const store = new EntityStore(account({ default: 'newest' }));
  store.take(record('crm', '1', 1, { name: 'Acme', city: 'Ulm', phone: '1' }));
  store.take(record('crm', '2', 1, { name: 'Bolt', city: 'Bonn', phone: '2' }));
  store.take(record('crm', '2', 9, { name: 'Acme', city: null, phone: '' }));
  store.merge();
  expect(store.values).toMatchObject([{ city: 'Ulm', phone: '1' }]);
});

test('what is created and merged in one cycle has one entry', () => {
  const store = new EntityStore(account({}));
  store.take(
    record('crm', '1', 1, { name: 'Acme' }),
    record('crm', '2', 1, { name: 'Acme', city: 'Ulm' }),
  );
  store.merge();
  expect(store.entries.get('1')).toMatchObject({ operation: 'create', merged: ['2'] });
  expect(store.entries.get('1')?.changes.map(({ field }) => field)).toEqual([
    'name',
    'city',
    'label',
  ]);
  expect(store.entries.get('2')).toMatchObject({ operation: 'delete', merged: ['1'] });
});

test('records of merged ids go on to the winner; an older one of the same source changes nothing', () => {
  const store = filled({});
  store.take(record('shop', 'c', 8, { size: 7 }));
  expect(acme(store)).toMatchObject({ size: 5 });
  store.take(record('shop', 'c', 10, { size: 8 }));
  expect(acme(store)).toMatchObject({ size: 8 });
  expect(store.records.size).toBe(2);
});
