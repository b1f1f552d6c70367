import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { IncomingRecord } from '../../model/golden-record.ts';
import type { JsonObject } from '../../model/json.ts';
import { copying, EntityStore, type EntityInput } from './testing/entity-store.ts';

const account: EntityInput = {
  fields: {
    name: 'text',
    domain: 'text',
    kind: 'text',
    size: 'number',
    upper: { type: 'text', expr: 'upper(name)' },
  },
  sources: {
    crm: copying(['name', 'domain', 'kind', 'size'], [['name']]),
    shop: copying(['name', 'domain', 'kind'], [['domain'], ['name']]),
  },
  authority: { name: { ranked: ['crm', 'shop'] }, domain: 'latest', kind: { owner: 'crm' } },
};

function record(
  source: string,
  id: string,
  at: number | null,
  values: JsonObject = {},
  deleted = false,
): IncomingRecord {
  return { source, id, at: at === null ? null : String(at), values, deleted };
}

test('a new record takes what is not null, its ids, derived fields and match keys', () => {
  const store = new EntityStore(account);
  const { records, entries, stats, counts } = store.take(
    record('crm', '7', 5, { name: 'Acme', domain: null, size: 3 }),
  );
  expect(records).toEqual([
    {
      record: {
        id: '1',
        values: { name: 'Acme', size: 3, upper: 'ACME' },
        setBy: {
          name: { source: 'crm', at: '5', cycle: 1 },
          size: { source: 'crm', at: '5', cycle: 1 },
          upper: { source: '_', at: null, cycle: 1 },
        },
        createdAt: 1000,
        updatedAt: 1000,
      },
      created: true,
      deleted: false,
      addedKeys: ['["name"]\n"Acme"'],
      removedKeys: [],
    },
  ]);
  expect(entries).toEqual([
    {
      record: '1',
      operation: 'create',
      changes: [
        { field: 'name', old: null, new: 'Acme', source: 'crm', at: '5', by: 'ranked' },
        { field: 'size', old: null, new: 3, source: 'crm', at: '5', by: 'only' },
        { field: 'upper', old: null, new: 'ACME', source: '_', at: null, by: 'derived' },
      ],
      refused: [],
      ids: [{ system: 'crm', id: '7', change: 'attached', by: 'new' }],
      merged: [],
    },
  ]);
  expect(stats).toMatchObject({ imported: 1, created: 1 });
  expect(counts).toMatchObject({ new: 1, byMatch: 0, changed: 3 });
});

test('a record attaches by the first alternative that matches, also within the chunk', () => {
  const store = new EntityStore(account);
  const { counts } = store.take(
    record('crm', '1', 1, { name: 'Acme', domain: 'a.org' }),
    record('crm', '2', 1, { name: 'Bolt' }),
    record('shop', '9', 2, { name: 'Bolt', domain: 'a.org' }),
    record('shop', '8', 2, { name: 'Bolt' }),
  );
  expect(counts).toMatchObject({ new: 2, byMatch: 2 });
  expect(store.sourceRecords.get('shop/9')?.record).toBe('1');
  expect(store.sourceRecords.get('shop/8')?.record).toBe('2');
});

test('a record that has an id of the system is no candidate', () => {
  const store = new EntityStore(account);
  store.take(record('crm', '1', 1, { name: 'Acme' }));
  expect(store.take(record('crm', '2', 1, { name: 'Acme' })).counts).toMatchObject({ new: 1 });
});

test('match keys follow the values within a chunk', () => {
  const store = new EntityStore(account);
  store.take(record('crm', '1', 1, { name: 'Acme' }));
  store.take(
    record('crm', '1', 2, { name: 'Bolt' }),
    record('shop', '8', 2, { name: 'Acme' }),
    record('shop', '9', 2, { name: 'Bolt' }),
  );
  expect(store.sourceRecords.get('shop/8')?.record).toBe('2');
  expect(store.sourceRecords.get('shop/9')?.record).toBe('1');
});

/**
 * Returns the outcome for a record that matches three others: the record that it attached to, else errors and stats.
 */
function found(ambiguous: EntityInput['ambiguous'], merge?: EntityInput['merge']): unknown {
  const store = new EntityStore({ ...account, ambiguous, ...(merge && { merge }) });
  store.take(
    record('crm', '1', 1, { name: 'Acme' }),
    record('crm', '2', 1, { name: 'Acme', size: 1 }),
  );
  store.take(record('crm', '3', 1, { name: 'Acme' }));
  store.nextCycle();
  store.take(record('crm', '3', 2, { name: 'Acme', kind: 'x', domain: 'a', size: 2 }));
  store.nextCycle();
  store.take(record('crm', '1', 2, { size: 7 }));
  const { errors, stats } = store.take(record('shop', '9', 1, { name: 'Acme' }));
  return errors.length > 0 ? { errors, stats } : store.sourceRecords.get('shop/9')?.record;
}

test('several matches follow the choice of the entity', () => {
  expect(found('oldest')).toBe('1');
  expect(found('updated')).toBe('1');
  expect(found('complete')).toBe('3');
  expect(found('error')).toMatchObject({
    errors: [
      {
        key: ['9'],
        operation: 'match',
        code: 'ambiguous_match',
        message: 'the record matches 3 records of the entity',
        retryable: false,
      },
    ],
    stats: { imported: 1, errors: 1, created: 0 },
  });
  expect(found('error', { match: [['name']] })).toBe('1');
  expect(found('error', { match: [['name']], report: true })).toMatchObject({ errors: [{}] });
  expect(found('error', { match: [['name']], guard: 2 })).toMatchObject({ errors: [{}] });
});

test('a standing rank holds between cycles, as long as its source still says the value', () => {
  const store = new EntityStore({
    ...account,
    authority: { ...account.authority, name: { ranked: ['crm', 'shop'], standing: true } },
  });
  const name = (): unknown => store.values[0]?.['name'];
  store.take(record('crm', '1', 1, { name: 'Acme', domain: 'a' }));
  store.take(record('shop', '9', 5, { domain: 'a', name: 'Shop' }));
  expect(name()).toBe('Acme');
  store.nextCycle();
  store.take(record('shop', '9', 6, { name: 'Newer' }));
  expect(name()).toBe('Acme');
  expect(store.entries.get('1')?.refused).toMatchObject([{ value: 'Newer', by: 'ranked' }]);
  // It says nothing any more, then something else, and then its record is gone.
  store.take(record('crm', '1', 7, { name: null }), record('shop', '9', 8, { name: 'Filled' }));
  expect(name()).toBe('Filled');
  store.take(record('crm', '1', 7, { name: 'Back' }), record('shop', '9', 9, { name: 'Refused' }));
  expect(name()).toBe('Back');
  store.take(record('crm', '1', 10, {}, true), record('shop', '9', 11, { name: 'Alone' }));
  expect(name()).toBe('Alone');
});

test('null and missing are kept apart', () => {
  const store = new EntityStore(account);
  store.take(record('crm', '1', 1, { name: 'Acme', kind: 'x', size: null }));
  store.take(record('crm', '1', 2, { name: 'Acme', size: null }));
  expect(store.values).toEqual([{ name: 'Acme', kind: 'x', upper: 'ACME' }]);
  store.take(record('crm', '1', 3, { kind: null }));
  expect(store.values).toEqual([{ name: 'Acme', kind: null, upper: 'ACME' }]);
});

test('an older record, the same again, and what a source said already change nothing', () => {
  const store = new EntityStore(account);
  store.take(
    record('crm', '1', 5, { name: 'Acme' }),
    record('shop', '9', 6, { name: 'Acme', domain: 'a' }),
  );
  store.nextCycle();
  const before = structuredClone([...store.records.values()]);
  const { records, sourceRecords, entries, stats } = store.take(
    record('crm', '1', 4, { name: 'Old' }),
    record('crm', '1', 5, { name: 'Acme' }),
    record('shop', '9', 6, { domain: 'a' }),
  );
  expect({ records, sourceRecords, entries }).toEqual({
    records: [],
    sourceRecords: [],
    entries: [],
  });
  expect(stats).toMatchObject({ imported: 3, unchanged: 3 });
  expect([...store.records.values()]).toEqual(before);
});

test('a refused value is noted, and the record counts as touched', () => {
  const store = new EntityStore(account);
  store.take(record('crm', '1', 5, { name: 'Acme', kind: 'a' }));
  store.take(record('shop', '9', 6, { name: 'Acme' }));
  store.nextCycle();
  const { records, entries, stats, counts } = store.take(record('shop', '9', 7, { kind: 'b' }));
  expect(records).toMatchObject([
    { record: { values: { kind: 'a' } }, addedKeys: [], removedKeys: [] },
  ]);
  expect(entries).toMatchObject([
    {
      operation: 'update',
      changes: [],
      refused: [{ field: 'kind', value: 'b', source: 'shop', at: '7', by: 'owner' }],
    },
  ]);
  expect(stats).toMatchObject({ unchanged: 1 });
  expect(counts).toMatchObject({ refused: 1, changed: 0 });
  expect(store.take(record('shop', '9', 8, { kind: 'b' })).records).toEqual([]);
});

test('refused again after it was put right, a value is no news; once the system held what was written it is', () => {
  const store = new EntityStore(account);
  store.take(record('crm', '1', 1, { name: 'Acme', kind: 'A' }));
  store.take(record('shop', '9', 2, { name: 'Acme' }));
  const say = (at: number, kind: string) => store.take(record('shop', '9', at, { kind })).counts;
  expect(say(3, 'a')).toMatchObject({ refused: 1 });
  // The system stores `a` when `A` is written.
  store.wrote('shop', '9', { kind: 'A' });
  const again = store.take(record('shop', '9', 4, { kind: 'a' }));
  expect(again).toMatchObject({ records: [], entries: [], counts: { refused: 0 } });
  expect(say(5, 'b')).toMatchObject({ refused: 1 });
  store.wrote('shop', '9', { kind: 'A' });
  expect(say(6, 'A')).toMatchObject({ refused: 0 });
  expect(say(7, 'b')).toMatchObject({ refused: 1 });
});

test('a value that another source says again is newer than what comes late', () => {
  const store = new EntityStore(account);
  store.take(record('crm', '1', 1, { name: 'Acme', domain: 'a' }));
  store.take(record('shop', '9', 9, { name: 'Acme', domain: 'a' }));
  store.take(record('crm', '1', 5, { domain: 'b' }));
  expect(store.values).toMatchObject([{ domain: 'a' }]);
});

test('what a destination wrote is no news when it is read back', () => {
  const store = new EntityStore(account);
  store.take(record('crm', '1', 5, { name: 'Acme', domain: 'a' }));
  const values = { name: 'Acme', domain: 'a' };
  store.sourceRecords.set('shop/9', { system: 'shop', id: '9', record: '1', at: null, values });
  const { records, entries } = store.take(record('shop', '9', 6, values));
  expect({ records, entries }).toEqual({ records: [], entries: [] });
});

test('the entry of a cycle is one, and void when all is taken back', () => {
  const store = new EntityStore(account);
  store.take(record('crm', '1', 1, { name: 'Acme' }));
  store.nextCycle();
  const both = store.take(
    record('crm', '1', 2, { name: 'Bolt' }),
    record('crm', '1', 3, { name: 'Acme' }),
  );
  expect(both.entries).toEqual([]);
  store.take(record('crm', '1', 4, { name: 'Bolt', size: 1 }));
  const { entries } = store.take(record('crm', '1', 5, { name: 'Cog' }));
  expect(entries).toMatchObject([
    {
      changes: [
        { field: 'name', old: 'Acme', new: 'Cog' },
        { field: 'size' },
        { field: 'upper', new: 'COG' },
      ],
    },
  ]);
});

test.each([
  ['any', 'crm', true],
  ['all', 'crm', false],
  ['never', 'crm', false],
] as const)('deletes %s: a record deleted in one source', (deletes, source, isDeleted) => {
  const store = new EntityStore({ ...account, deletes });
  store.take(record('crm', '1', 1, { name: 'Acme' }), record('shop', '9', 1, { name: 'Acme' }));
  store.nextCycle();
  const { records, detached, entries, stats } = store.take(record(source, '1', 2, {}, true));
  expect(detached).toEqual([{ system: 'crm', id: '1' }]);
  const keys = isDeleted ? ['["name"]\n"Acme"'] : [];
  expect(records).toMatchObject([{ deleted: isDeleted, removedKeys: keys }]);
  expect(entries).toMatchObject([
    {
      operation: isDeleted ? 'delete' : 'update',
      ids: [{ system: 'crm', id: '1', change: 'detached', by: 'deleted' }],
    },
  ]);
  expect(stats).toMatchObject({ imported: 1, updated: 1, removed: isDeleted ? 1 : 0 });
  expect(store.take(record(source, '1', 2, {}, true)).stats).toMatchObject({ unchanged: 1 });
  store.take(record('shop', '9', 2, {}, true));
  expect(store.records.size).toBe(deletes === 'never' ? 1 : 0);
});

test('what is left of a deleted record comes back only with news', () => {
  const store = new EntityStore({ ...account, deletes: 'any' });
  store.take(record('crm', '1', 1, { name: 'Acme' }), record('shop', '9', 1, { name: 'Acme' }));
  store.take(record('crm', '1', 2, {}, true));
  expect(store.take(record('shop', '9', 2, { name: 'Acme' })).stats).toMatchObject({
    unchanged: 1,
  });
  expect(store.take(record('shop', '9', 3, { name: 'Bolt' })).counts).toMatchObject({ new: 1 });
  expect(store.values).toEqual([{ name: 'Bolt', upper: 'BOLT' }]);
  expect(store.sourceRecords.get('shop/9')?.record).toBe('2');
});

test('what is deleted and comes back in one chunk is matched as if it came in another', () => {
  const incoming = [
    record('crm', '1', 3, {}, true),
    record('crm', '1', 4, { name: 'b', domain: 'b.com' }),
  ] as const;
  const [together, apart] = [[incoming], incoming.map((one) => [one])].map((chunks) => {
    const store = new EntityStore({ ...account, deletes: 'any' });
    store.take(record('crm', '1', 1, { name: 'a' }));
    store.take(record('shop', '9', 1, { name: 'b' }));
    for (const chunk of chunks) store.take(...chunk);
    return store;
  });
  expect(together?.values).toEqual([{ name: 'b', domain: 'b.com', upper: 'B' }]);
  expect(together?.values).toEqual(apart?.values);
});

test('a deletion that is older than the record is none', () => {
  const store = new EntityStore({ ...account, deletes: 'any' });
  store.take(record('crm', '1', 5, { name: 'Acme' }));
  expect(store.take(record('crm', '1', 4, {}, true)).records).toEqual([]);
  expect(store.records.size).toBe(1);
});

test('R10: every incoming record is counted once', () => {
  const store = new EntityStore(account);
  const { stats, errors } = store.take(
    record('crm', '1', 1, { name: 'Acme' }),
    { skipped: 'filter' },
    { id: null, fault: { code: 'missing_key', message: 'none' } },
    { id: '3', fault: { code: 'invalid_value', message: 'bad', field: 'size' } },
    record('crm', '1', 2, { name: 'Bolt' }),
    record('crm', '1', 2, { name: 'Bolt' }),
  );
  expect(stats).toEqual({
    imported: 6,
    created: 1,
    updated: 1,
    unchanged: 1,
    skipped: { mode: 0, filter: 1, duplicate: 0, edited: 0 },
    removed: 0,
    errors: 2,
    removeErrors: 0,
  });
  expect(errors.map(({ key, code, field }) => ({ key, code, field }))).toEqual([
    { key: null, code: 'missing_key', field: undefined },
    { key: ['3'], code: 'invalid_value', field: 'size' },
  ]);
});

const change = fc.record({
  source: fc.constantFrom('crm', 'shop'),
  id: fc.constantFrom('1', '2', '3'),
  values: fc.record(
    {
      domain: fc.constantFrom(null, 'a', 'b', 'c'),
      kind: fc.constantFrom(null, 'x', 'y'),
    },
    { requiredKeys: [] },
  ),
});

test('whatever the chunks, the order of the sources and the repeats, the golden values are the same', () => {
  const seed = ['1', '2', '3'].flatMap((id) => [
    record('crm', id, 0, { name: `n${id}` }),
    record('shop', id, 0, { name: `n${id}` }),
  ]);
  fc.assert(
    fc.property(
      fc.array(change, { maxLength: 20 }),
      fc.array(fc.nat(3), { minLength: 40, maxLength: 40 }),
      (changes, steps) => {
        const all = changes.map((each, at) => record(each.source, each.id, at + 1, each.values));
        const plain = new EntityStore(account);
        plain.take(...seed);
        plain.take(...all);
        // Each source comes in its own order and in chunks of its own, some of them twice.
        const other = new EntityStore(account);
        other.take(...seed);
        const queues = ['shop', 'crm'].map((name) => all.filter(({ source }) => source === name));
        for (const [step, size] of steps.entries()) {
          const chunk = queues[step % 2]?.splice(0, size) ?? [];
          other.take(...chunk);
          if (size === 2) other.take(...chunk);
        }
        for (const rest of queues) other.take(...rest);
        expect(other.values).toEqual(plain.values);
        expect(other.keys).toEqual(plain.keys);
        // The log replays to the values, because every record is new in this cycle.
        for (const { id, values } of other.records.values()) {
          const replayed = other.entries
            .get(id)
            ?.changes.map(({ field, new: value }) => [field, value]);
          const set = Object.entries(values).filter(([, value]) => value !== null);
          expect(Object.fromEntries(replayed ?? [])).toEqual(Object.fromEntries(set));
        }
      },
    ),
  );
});

test('the index of match keys is kept as it would be built anew', () => {
  const named = fc.record({
    source: fc.constantFrom('crm', 'shop'),
    id: fc.constantFrom('1', '2', '3', '4'),
    name: fc.constantFrom(null, 'a', 'b', 'c'),
    domain: fc.constantFrom(null, 'x', 'y'),
    deleted: fc.integer({ min: 0, max: 5 }).map((die) => die === 0),
    deletes: fc.constantFrom('any', 'all'),
  });
  fc.assert(
    fc.property(fc.array(fc.array(named, { maxLength: 4 }), { maxLength: 8 }), (chunks) => {
      const store = new EntityStore({ ...account, deletes: 'any', ambiguous: 'oldest' });
      for (const [at, chunk] of chunks.entries())
        store.take(
          ...chunk.map(({ source, id, name, domain, deleted }) =>
            record(source, id, at, { name, domain }, deleted),
          ),
        );
      expect(store.keys).toEqual(store.rebuiltKeys());
    }),
  );
});
