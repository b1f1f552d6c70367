import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDatabase, type Database as TestDatabase } from '../../../test/support/database.ts';
import { entitySchema } from '../../model/entity.ts';
import type { LogEntry } from '../../model/entity-log.ts';
import type { GoldenRecord, RecordChange, SourceRecord } from '../../model/golden-record.ts';
import { ExactNumber } from '../../model/json.ts';
import { migrate, openDatabase, type Database } from '../database/database.ts';
import { createKeyRing } from '../sealing/key-ring.ts';
import { openSeal } from '../sealing/seal.ts';
import { createStore, type Store } from '../store.ts';
import type { EntityRef } from './entity-ref.ts';
import type { EntityChanges } from './golden-records.ts';
import { OvertakenError } from './source-records.ts';
import { ValueCodec } from './values.ts';

let made: TestDatabase;
let db: Database;
let store: Store;

beforeAll(async () => {
  made = await createDatabase('golden');
  db = openDatabase(made.url);
  await migrate(db);
  store = createStore(db, await openSeal(db, createKeyRing([randomBytes(32)])));
});
afterAll(async () => {
  await db.destroy();
  await made.drop();
});

const spec = entitySchema.parse({
  fields: { name: 'text', size: 'number' },
  sources: {
    zoo: {
      source: { connection: 'zoo', stream: 's', id: 'id', full: true },
      fields: { name: 'n' },
    },
    crm: {
      source: { connection: 'crm', stream: 's', id: 'id', full: true },
      fields: { size: 's' },
    },
  },
  destinations: { crm: { destination: { connection: 'crm', stream: 's' }, mode: 'upsert' } },
});

async function open(id: string, encrypted = true): Promise<EntityRef> {
  await store.entities.put(id, { ...spec, encrypted });
  const state = await store.entities.state(id);
  return { no: state?.no ?? -1, codec: new ValueCodec(store.seal, encrypted) };
}

const golden = (id: string, values: GoldenRecord['values']): GoldenRecord => ({
  id,
  values,
  setBy: { name: { source: 'zoo', at: '5', cycle: 1 } },
  createdAt: 1_700_000_000_123,
  updatedAt: 1_700_000_000_456,
});

const made1 = (record: GoldenRecord, addedKeys: string[] = []): RecordChange => ({
  record,
  created: true,
  deleted: false,
  addedKeys,
  removedKeys: [],
});

const entry = (record: string, operation: LogEntry['operation']): LogEntry => ({
  record,
  operation,
  changes: [{ field: 'name', old: null, new: 'Ada', source: 'zoo', at: '5', by: 'only' }],
  refused: [],
  ids: [],
  merged: [],
});

async function save(ref: EntityRef, changes: Partial<EntityChanges>): Promise<void> {
  const whole = { cycle: 1, run: 'r', records: [], sourceRecords: [], detached: [], entries: [] };
  await db.transaction().execute((tx) => store.records.save(tx, ref, { ...whole, ...changes }));
}

test('an entity keeps the order of its sources, and its destinations are syncs that nobody lists', async () => {
  await store.entities.put('kept', spec);
  expect(Object.keys((await store.entities.get('kept'))?.sources ?? {})).toEqual(['zoo', 'crm']);
  expect(await store.catalog.sync('kept.crm')).toMatchObject({ mode: 'upsert' });
  expect(await store.catalog.syncs()).toEqual([]);
  expect(await store.entities.remove('kept')).toBe(true);
  expect(await store.catalog.sync('kept.crm')).toBeNull();
});

test.each([true, false])('records come back as they were (encrypted: %s)', async (encrypted) => {
  const ref = await open(`exact-${encrypted}`, encrypted);
  const [id = ''] = await store.records.newIds(1);
  const record = golden(id, {
    name: 'canary \u0000 ü',
    size: new ExactNumber('12345678901234567890.10'),
  });
  const source: SourceRecord = {
    system: 'zoo',
    id: 'z1',
    record: id,
    at: '5',
    values: record.values,
  };
  await save(ref, {
    records: [made1(record, ['k1', 'k2'])],
    sourceRecords: [source],
    entries: [entry(id, 'create')],
  });
  expect(await store.records.records(ref, [id])).toEqual([record]);
  expect(await store.sourceRecords.find(ref, 'zoo', ['z1', 'z2'])).toMatchObject([source]);
  expect(await store.sourceRecords.ofRecords(ref, [id])).toEqual(new Map([[id, [source]]]));
  expect(await store.matchKeys.find(ref, ['k2', 'k3'])).toEqual(new Map([['k2', [id]]]));
  expect(await store.records.entries(ref, 1, [id])).toEqual(new Map([[id, entry(id, 'create')]]));
  const [atRest] = await made.query(
    `SELECT count(*) FILTER (WHERE position('canary'::bytea in data) > 0) AS n FROM entity_records WHERE entity = ${ref.no}`,
  );
  expect(atRest).toEqual({ n: encrypted ? '0' : '1' });
});

test('only records that share a key are compared; deleted ones are found by nothing', async () => {
  const ref = await open('shared');
  const [a = '', b = '', c = ''] = await store.records.newIds(3);
  await save(ref, {
    records: [
      made1(golden(a, {}), ['x']),
      made1(golden(b, {}), ['x', 'y']),
      made1(golden(c, {}), ['z']),
    ],
  });
  expect(await store.records.toMerge(ref, 10)).toEqual([a, b]);
  expect(await store.matchKeys.find(ref, ['x'], 1)).toEqual(new Map([['x', [a]]]));
  await save(ref, {
    records: [
      {
        ...made1(golden(b, {})),
        created: false,
        deleted: true,
        mergedInto: a,
        removedKeys: ['x', 'y'],
      },
    ],
  });
  expect(await store.records.records(ref, [a, b])).toMatchObject([{ id: a }]);
  expect(await store.matchKeys.find(ref, ['x', 'y'])).toEqual(new Map([['x', [a]]]));
  expect(await store.golden.get('shared', b)).toMatchObject({ deleted: true, mergedInto: a });
});

test('what was written is added to what a system said, and an id keeps its record', async () => {
  const ref = await open('written');
  const said = { system: 'crm', id: '7', record: '1', at: '3', values: { name: 'Ada' } };
  await store.sourceRecords.put(ref, [said]);
  await db.transaction().execute((tx) =>
    store.sourceRecords.noteContributions(
      ref,
      [
        { ...said, record: '2', at: null, values: { size: 4 } },
        { system: 'crm', id: '8', record: '2', at: null, values: {} },
      ],
      tx,
    ),
  );
  expect(await store.sourceRecords.find(ref, 'crm', ['7'])).toMatchObject([
    { ...said, values: { name: 'Ada', size: 4 } },
  ]);
  const targets = await store.sourceRecords.targets(ref, 'crm', ['1', '2', '3']);
  expect([...targets].map(([record, { id }]) => [record, id])).toEqual([
    ['1', '7'],
    ['2', '8'],
  ]);
});

test('what a run notes between load and save has the chunk decided again', async () => {
  const ref = await open('overtaken');
  const said = { system: 'crm', id: '7', record: '1', at: '3', values: { name: 'Ada' } };
  await store.sourceRecords.put(ref, [said]);
  const note = (values: SourceRecord['values']) =>
    db
      .transaction()
      .execute((tx) =>
        store.sourceRecords.noteContributions(ref, [{ ...said, at: null, values }], tx),
      );
  const held = await store.sourceRecords.find(ref, 'crm', ['7']);
  await note({ size: 4 });
  const stale = { ...said, at: '5', values: { name: 'Bob' } };
  await expect(save(ref, { held, sourceRecords: [stale] })).rejects.toThrow(OvertakenError);
  expect(await store.sourceRecords.find(ref, 'crm', ['7'])).toMatchObject([
    { at: '3', values: { name: 'Ada', size: 4 } },
  ]);
  const again = await store.sourceRecords.find(ref, 'crm', ['7']);
  await save(ref, { held: again, sourceRecords: [stale] });
  // One that has gone meanwhile does not come back either.
  await store.sourceRecords.remove(ref, [said]);
  await expect(save(ref, { held: again, sourceRecords: [stale] })).rejects.toThrow(OvertakenError);
  expect(await store.sourceRecords.find(ref, 'crm', ['7'])).toEqual([]);
});

const crm = (id: string, record: string): SourceRecord => ({
  system: 'crm',
  id,
  record,
  at: '1',
  values: { size: 1 },
});

test('an id that is noted around a merge goes to the winner, and is removed only beside another', async () => {
  const ref = await open('late');
  const [winner = '', loser = '', later = ''] = await store.records.newIds(3);
  await save(ref, {
    records: [winner, loser, later].map((id) => made1(golden(id, { name: id }))),
    sourceRecords: [crm('w', winner), crm('l', loser)],
  });
  const merge = (lost: string, into: string, moved: SourceRecord[]) =>
    save(ref, {
      records: [
        {
          record: golden(lost, {}),
          created: false,
          deleted: true,
          mergedInto: into,
          addedKeys: [],
          removedKeys: [],
        },
      ],
      moved,
      extra: moved,
    });
  const note = (one: SourceRecord) =>
    db.transaction().execute((tx) => store.sourceRecords.noteContributions(ref, [one], tx));
  // Between the merge's load and its save, and after it.
  await note(crm('between', loser));
  await note({ ...crm('l', loser), values: { size: 9 } });
  await merge(loser, winner, [crm('l', winner)]);
  await note(crm('after', loser));
  const ids = ['w', 'l', 'between', 'after'];
  expect(await store.sourceRecords.find(ref, 'crm', ids)).toMatchObject(
    ids.map((id) => ({ id, record: winner, values: { size: id === 'l' ? 9 : 1 } })),
  );
  const extra = async () =>
    (await store.golden.withExtraIds('late', 'crm')).map(({ id }) => id).toSorted();
  expect(await extra()).toEqual(['after', 'between', 'l']);
  const target = await store.sourceRecords.targets(ref, 'crm', [winner]);
  expect(target.get(winner)).toMatchObject({ id: 'w' });
  // Along a chain of merges.
  await merge(winner, later, []);
  await note(crm('last', loser));
  expect(await store.sourceRecords.find(ref, 'crm', ['last'])).toMatchObject([{ record: later }]);
  // The last id is the record's own, however it came.
  await store.sourceRecords.remove(
    ref,
    [...ids, 'last'].map((id) => ({ system: 'crm', id })).slice(1),
  );
  expect(await extra()).toEqual([]);
  expect(await store.records.remade([later])).toEqual(new Map([[later, 1]]));
});

test('what was deleted long ago is forgotten, once every destination has passed it and no id is left', async () => {
  const ref = await open('forgotten');
  const [live = '', old = '', held = '', late = ''] = await store.records.newIds(4);
  const gone = (id: string): RecordChange => ({ ...made1(golden(id, {})), deleted: true });
  await save(ref, {
    records: [made1(golden(live, {})), gone(old), gone(held), gone(late)],
    sourceRecords: [crm('held', held)],
  });
  const last = await store.golden.changes('forgotten', {
    after: '0',
    until: null,
    limit: 10,
    deleted: true,
  });
  const upTo = last.find(({ id }) => id === held)?.seq ?? null;
  const forget = (keepMs: number) => store.records.forgetDeleted(ref, { keepMs, upTo, limit: 10 });
  expect(await forget(60_000)).toBe(0);
  expect(await forget(-1)).toBe(1);
  const left = await store.golden.page('forgotten', { limit: 10, deleted: true });
  expect(left.map(({ id }) => id)).toEqual([live, held, late]);
});

test('a reported group is taken back, and compared again, when one of its records loses a match key', async () => {
  const ref = await open('groups');
  const ids = await store.records.newIds(3);
  const records = ids.map((id) => made1(golden(id, { name: 'Ada' }), ['k']));
  await save(ref, { records });
  await store.records.compared(ids, db);
  await store.groups.put(ref.no, { records: ids, reason: 'guard', cycle: 1 });
  const [left] = records.map((change) => ({
    ...change,
    created: false,
    addedKeys: [],
    removedKeys: ['k'],
  }));
  await save(ref, { records: [{ ...left!, removedKeys: [] }] });
  expect(await store.groups.list('groups')).toHaveLength(1);
  expect(await store.records.toMerge(ref, 10)).toEqual([]);
  await save(ref, { records: [left!] });
  expect(await store.groups.list('groups')).toEqual([]);
  expect(await store.records.toMerge(ref, 10)).toEqual(ids);
});

test('an erased record is gone from everywhere, with those that were merged into it', async () => {
  const ref = await open('erased');
  const [id = '', loser = '', before = ''] = await store.records.newIds(3);
  const lost = (one: string, mergedInto: string): RecordChange => ({
    ...made1(golden(one, { name: 'Adah' })),
    deleted: true,
    mergedInto,
  });
  await save(ref, {
    records: [made1(golden(id, { name: 'Ada' }), ['k']), lost(loser, id), lost(before, loser)],
    sourceRecords: [{ system: 'zoo', id: 'z', record: id, at: null, values: {} }],
    entries: [id, loser, before].map((one) => entry(one, 'create')),
  });
  expect(await store.golden.erase('erased', id)).toBe(true);
  expect(await store.golden.get('erased', id)).toBeNull();
  const counts = ['records', 'ids', 'keys', 'log'].map((name) =>
    made.value(`SELECT count(*) FROM entity_${name} WHERE entity = ${ref.no}`),
  );
  expect(await Promise.all(counts)).toEqual(['0', '0', '0', '0']);
  expect(await store.golden.erase('erased', id)).toBe(false);
});

test('an entity is looked up by index although the planner has met only another one', async () => {
  const single = openDatabase(made.url, { connections: 1 });
  const one = createStore(single, store.seal);
  const fill = async (ref: EntityRef): Promise<string[]> => {
    const ids = await one.records.newIds(1000);
    const changes = {
      records: ids.map((id) => made1(golden(id, { name: id }), [`key ${id}`])),
      sourceRecords: ids.map((id) => ({ system: 'zoo', id, record: id, at: '5', values: {} })),
      entries: ids.map((id) => entry(id, 'create')),
    };
    await single
      .transaction()
      .execute((tx) => one.records.save(tx, ref, { cycle: 1, run: 'r', detached: [], ...changes }));
    return ids;
  };
  await fill(await open('known'));
  await sql`analyze`.execute(single);
  const ref = await open('unknown');
  const ids = await fill(ref);
  const before = await entriesRead(single);
  expect(await one.sourceRecords.find(ref, 'zoo', ids)).toHaveLength(1000);
  expect((await one.sourceRecords.idsOf(ref, ids)).size).toBe(1000);
  expect(await one.records.records(ref, ids)).toHaveLength(1000);
  expect((await one.records.entries(ref, 1, ids)).size).toBe(1000);
  expect(
    (
      await one.matchKeys.find(
        ref,
        ids.map((id) => `key ${id}`),
      )
    ).size,
  ).toBe(1000);
  expect((await entriesRead(single)) - before).toBeLessThan(20_000);
  await single.destroy();
});

/** How many entries of indexes and rows of tables have been read. */
async function entriesRead(single: Database): Promise<number> {
  await sql`select pg_stat_force_next_flush()`.execute(single);
  const { rows } = await sql<{ n: string }>`
    select (select sum(idx_tup_read) from pg_stat_user_indexes where relname like 'entity%')
      + (select sum(seq_tup_read) from pg_stat_user_tables where relname like 'entity%') as n`.execute(
    single,
  );
  return Number(rows[0]?.n);
}
