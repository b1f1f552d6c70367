import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDatabase, type Database as TestDatabase } from '../../test/support/database.ts';
import { unlimited } from '../../src/connectors/contract/calls.ts';
import { entitySchema, recordIdField } from '../../src/model/entity.ts';
import type { RecordId } from '../../src/model/golden-record.ts';
import type { Value } from '../../src/model/record.ts';
import { migrate, openDatabase, type Database } from '../../src/store/database/database.ts';
import type { EntityRef } from '../../src/store/entities/entity-ref.ts';
import { ValueCodec } from '../../src/store/entities/values.ts';
import { createKeyRing } from '../../src/store/sealing/key-ring.ts';
import { openSeal } from '../../src/store/sealing/seal.ts';
import { createStore, type Store } from '../../src/store/store.ts';
import { changeSource } from './change-source.ts';
import { loggedRecords } from './logged-records.ts';

const spec = entitySchema.parse({
  fields: { name: 'text' },
  sources: {
    zoo: {
      source: { connection: 'zoo', stream: 's', id: 'id', full: true },
      fields: { name: 'n' },
    },
  },
  destinations: {
    crm: { destination: { connection: 'crm', stream: 's', id: 'id' }, mode: 'upsert' },
  },
});
const { signal } = new AbortController();
const callSource = () => unlimited;
const roomy = { bytes: 1 << 20, record: 1 << 20 };
let made: TestDatabase;
let db: Database;
let store: Store;

beforeAll(async () => {
  made = await createDatabase('logged');
  db = openDatabase(made.url);
  await migrate(db);
  store = createStore(db, await openSeal(db, createKeyRing([randomBytes(32)])));
});
afterAll(async () => {
  await db.destroy();
  await made.drop();
});

async function open(id: string): Promise<EntityRef> {
  await store.entities.put(id, spec);
  return {
    no: (await store.entities.state(id))?.no ?? -1,
    codec: new ValueCodec(store.seal, spec.encrypted),
  };
}

/** Saves records under new names, each a change of its own. */
async function save(ref: EntityRef, names: readonly [RecordId, string][], created = true) {
  for (const [id, name] of names) {
    const record = { id, values: { name }, setBy: {}, createdAt: 0, updatedAt: 0 };
    const change = { record, created, deleted: false, addedKeys: [], removedKeys: [] };
    const changes = { records: [change], sourceRecords: [], detached: [], entries: [] };
    await db
      .transaction()
      .execute((tx) => store.records.save(tx, ref, { cycle: 1, run: 'r', ...changes }));
  }
}

/** A run that reads the change log of an entity to its end as of now. */
async function reader(entity: string) {
  const source = changeSource(store, entity, [{ name: 'name', type: 'text' }]);
  const run = `run-${entity}`;
  const declared = (await store.catalog.sync(`${entity}.crm`))!;
  await store.runPlans.create({ id: run, sync: `${entity}.crm`, spec: declared, options: {} });
  const plan = {
    since: null,
    until: (await source.highWatermark?.(unlimited)) ?? null,
    start: null,
  };
  const mapping = { needed: [recordIdField, 'name'] };
  const records = loggedRecords(store.chunks, { source, plan, mapping, callSource }, false);
  const step = (chunk: number) => ({ run, chunk, token: 1, attempt: 1, signal });
  return {
    async stage(chunk: number, limit: { records: number; bytes: number; record: number }) {
      const cursor =
        chunk === 0 ? null : ((await store.chunks.get(run, chunk - 1))?.cursor ?? null);
      const request = { cursor, since: null, until: plan.until, fields: mapping.needed, limit };
      return records.stage(step(chunk), await source.read(request, unlimited), limit);
    },
    async read(chunk: number): Promise<(readonly Value[])[]> {
      return (await records.read(step(chunk))).flatMap(({ rows }) => rows);
    },
    staged: (chunk: number) => store.staged.get(run, chunk, 'records'),
  };
}

test('a chunk is a stretch of the log, and nothing of it is staged', async () => {
  const ref = await open('stretches');
  const [a = '', b = '', c = ''] = await store.records.newIds(3);
  await save(ref, [
    [a, 'Ada'],
    [b, 'Bob'],
    [c, 'Cleo'],
  ]);
  const { stage, read, staged } = await reader('stretches');
  expect(await stage(0, { records: 2, ...roomy })).toEqual({ chunks: 1, records: 2, done: false });
  expect(await stage(1, { records: 2, ...roomy })).toEqual({ chunks: 1, records: 1, done: true });
  expect(await read(0)).toEqual([
    [a, 'Ada'],
    [b, 'Bob'],
  ]);
  expect(await read(1)).toEqual([[c, 'Cleo']]);
  expect([await staged(0), await staged(1)]).toEqual([null, null]);
});

test('a record that changes between import and match belongs to the next run', async () => {
  const ref = await open('moving');
  const [a = '', b = ''] = await store.records.newIds(2);
  await save(ref, [
    [a, 'Ada'],
    [b, 'Bob'],
  ]);
  const { stage, read } = await reader('moving');
  await stage(0, { records: 10, ...roomy });
  await save(ref, [[a, 'Ada the second']], false);
  expect(await read(0)).toEqual([[b, 'Bob']]);
  const next = changeSource(store, 'moving', []);
  expect(await next.highWatermark?.(unlimited)).not.toBe(
    (await store.chunks.get('run-moving', 0))?.cursor,
  );
});

test('a chunk ends where its bytes do, but holds one record at least', async () => {
  const ref = await open('large');
  const ids = await store.records.newIds(3);
  await save(
    ref,
    ids.map((id): [RecordId, string] => [id, randomBytes(4_000).toString('hex')]),
  );
  const { stage } = await reader('large');
  const limit = { records: 10, bytes: 10, record: 1 << 20 };
  expect(await stage(0, limit)).toEqual({ chunks: 1, records: 1, done: false });
  expect(await stage(1, { ...limit, bytes: 12_000 })).toEqual({
    chunks: 1,
    records: 1,
    done: false,
  });
  expect(await stage(2, { ...limit, bytes: 100_000 })).toEqual({
    chunks: 1,
    records: 1,
    done: true,
  });
});

test('an empty stretch is the last one', async () => {
  await open('empty');
  const { stage, read } = await reader('empty');
  expect(await stage(0, { records: 10, ...roomy })).toEqual({ chunks: 1, records: 0, done: true });
  expect(await read(0)).toEqual([]);
});
