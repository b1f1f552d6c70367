import { expect, test } from 'vitest';
import type { IncomingRecord } from '../../model/golden-record.ts';
import type { JsonObject } from '../../model/json.ts';
import { copying, EntityStore, type EntityInput } from './testing/entity-store.ts';

const account: EntityInput = {
  fields: {
    name: 'text',
    city: 'text',
    kind: 'text',
    upper: { type: 'text', expr: 'upper(name)' },
  },
  sources: {
    crm: copying(['name', 'city', 'kind'], [['name']]),
    shop: copying(['name', 'city', 'kind'], [['name']]),
  },
  authority: { name: { ranked: ['crm', 'shop'] }, city: 'latest', kind: { owner: 'crm' } },
  merge: { match: [['name']] },
};

function record(source: string, id: string, at: number, values: JsonObject): IncomingRecord {
  return { source, id, at: String(at), values, deleted: false };
}

/** Returns a store whose record 1 has ids in both sources. */
function filled(): EntityStore {
  const store = new EntityStore(account);
  store.take(record('crm', 'a', 5, { name: 'Acme', city: 'Ulm', kind: 'x' }));
  store.take(record('shop', 'b', 9, { name: 'Acme', city: 'Bonn' }));
  store.nextCycle();
  return store;
}

test('what a person sets is logged with its reason, and what depends on it follows', () => {
  const store = filled();
  store.byHand('1', 'name', 'Acme Inc', 'asked them');
  expect(store.values[0]).toMatchObject({ name: 'Acme Inc', upper: 'ACME INC' });
  expect(store.keys).toEqual(store.rebuiltKeys());
  expect(store.entries.get('1')?.changes).toEqual([
    {
      field: 'name',
      old: 'Acme',
      new: 'Acme Inc',
      source: 'manual',
      at: '1970-01-01T00:00:02.000000Z',
      by: 'manual',
      reason: 'asked them',
    },
    { field: 'upper', old: 'ACME', new: 'ACME INC', source: '_', at: null, by: 'derived' },
  ]);
});

test('no source changes it, its owner neither; what they say is refused by a person', () => {
  const store = filled();
  store.byHand('1', 'city', 'Kiel');
  store.byHand('1', 'kind', null);
  store.nextCycle();
  store.take(record('crm', 'a', 20, { city: 'Jena', kind: 'y' }));
  expect(store.values[0]).toMatchObject({ city: 'Kiel', kind: null });
  expect(store.entries.get('1')?.refused).toEqual([
    { field: 'city', value: 'Jena', source: 'crm', at: '20', by: 'manual' },
    { field: 'kind', value: 'y', source: 'crm', at: '20', by: 'manual' },
  ]);
  // A source that says the same takes nothing over.
  store.take(record('shop', 'b', 30, { city: 'Kiel' }));
  store.take(record('shop', 'b', 31, { city: 'Rom' }));
  expect(store.values[0]).toMatchObject({ city: 'Kiel' });
});

test('taken back, the sources’ last values decide by authority', () => {
  const store = filled();
  for (const field of ['name', 'city', 'kind']) store.byHand('1', field, 'set');
  store.take(record('shop', 'b', 20, { name: 'Bolt', kind: 'z' }));
  for (const field of ['name', 'city', 'kind']) store.byHand('1', field, undefined);
  expect(store.values[0]).toMatchObject({ name: 'Acme', city: 'Bonn', kind: 'x', upper: 'ACME' });
  expect(store.records.get('1')?.setBy).toMatchObject({
    name: { source: 'crm', at: '5' },
    city: { source: 'shop', at: '20' },
    kind: { source: 'crm', at: '5' },
  });
  // Each decision of a person stays in the log.
  const ofCity = store.entries.get('1')?.changes.filter(({ field }) => field === 'city');
  expect(ofCity).toMatchObject([
    { old: 'Bonn', new: 'set', by: 'manual', reason: 'known better' },
    { old: 'set', new: 'Bonn', source: 'shop', by: 'latest', reason: 'taken back' },
  ]);
  expect(store.byHand('1', 'city', undefined)).toBe(false);
  store.take(record('crm', 'a', 30, { city: 'Jena' }));
  expect(store.values[0]).toMatchObject({ city: 'Jena' });
});

test('taken back where no source says anything, the field is one that nothing has set', () => {
  const store = new EntityStore(account);
  store.take(record('shop', 'b', 9, { name: 'Acme' }));
  store.byHand('1', 'kind', 'set');
  store.byHand('1', 'kind', undefined);
  expect(store.values).toEqual([{ name: 'Acme', upper: 'ACME' }]);
  expect(store.records.get('1')?.setBy).not.toHaveProperty('kind');
});

test('of a system that is written to too, what it only holds since then does not count', () => {
  const store = new EntityStore({
    ...account,
    destinations: {
      shop: { destination: { connection: 'db', stream: 's' }, mode: 'upsert' },
    },
  });
  store.take(
    record('crm', 'a', 5, { name: 'Acme', city: 'Ulm' }),
    record('shop', 'b', 9, { name: 'Acme', city: 'Bonn' }),
  );
  store.byHand('1', 'city', 'Kiel');
  store.wrote('shop', 'b', { city: 'Kiel' });
  store.byHand('1', 'city', undefined);
  expect(store.values[0]).toMatchObject({ city: 'Ulm' });
});

test('in a merge the winner keeps what was set by hand, and takes what fills its empty fields', () => {
  const store = new EntityStore({
    ...account,
    merge: { match: [['name']], default: 'never', override: { city: 'newest' } },
  });
  store.take(record('crm', '1', 1, { name: 'Acme', city: 'Ulm' }));
  store.take(record('crm', '2', 9, { name: 'Bolt', city: 'Bonn' }));
  store.byHand('1', 'city', 'Kiel');
  store.byHand('2', 'kind', 'set');
  store.byHand('2', 'name', 'Acme');
  store.merge();
  expect(store.values).toEqual([{ name: 'Acme', city: 'Kiel', kind: 'set', upper: 'ACME' }]);
  expect(store.records.get('1')?.setBy).toMatchObject({
    city: { source: 'manual' },
    kind: { source: 'manual', reason: 'known better' },
  });
});
