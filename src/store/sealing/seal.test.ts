import { createCipheriv, createHash, createHmac, randomBytes } from 'node:crypto';
import { Migrator, sql } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createDatabase, type Database as TestDatabase } from '../../../test/support/database.ts';
import { noStats } from '../../model/outcome.ts';
import { syncSchema } from '../../model/sync.ts';
import { migrate, openDatabase, type Database } from '../database/database.ts';
import { createKeyRing } from './key-ring.ts';
import { initial } from '../migrations/0001-initial.ts';
import { reseal, sealedColumns } from './reseal.ts';
import { openSeal } from './seal.ts';
import { createStore, type Store } from '../store.ts';

const [first, second, third] = [randomBytes(32), randomBytes(32), randomBytes(32)];
const canary = 'canary@example.org';
const run = 'run-1';
const spec = syncSchema.parse({
  source: { connection: 'shop', stream: 's', key: 'email' },
  destination: { connection: 'shop', stream: 's', key: 'email' },
  mode: 'upsert',
});

let made: TestDatabase;
let db: Database;
beforeEach(async () => {
  made = await createDatabase('seal');
  const url = new URL(made.url);
  url.searchParams.set('options', '-c search_path=public');
  db = openDatabase(url.href);
});
afterEach(async () => {
  await db.destroy();
  await made.drop();
});

test('what may hold a secret or a record is sealed at rest, and read back as it was', async () => {
  await migrate(db);
  const store = await open(first);
  await fill(store);
  expect(await dump()).not.toContain('canary');
  await expectContent(store);
  expect(await store.journal.read(run, 0)).toMatchObject([
    { seq: 0, outcome: { message: canary } },
    { seq: 1, outcome: null },
  ]);
});

test('a rotation seals everything anew; the old key alone is refused, hashes stay', async () => {
  await migrate(db);
  const before = await open(first);
  await fill(before);
  const ring = createKeyRing([second, first]);
  await expectContent(await open(second, first));
  expect(await reseal(db, ring, 'all')).toBe(15);
  expect(await reseal(db, ring, 'all')).toBe(0);
  const after = await open(second);
  await expectContent(after);
  expect(after.seal.hash('x')).toEqual(before.seal.hash('x'));
  await expect(open(first)).rejects.toMatchObject({
    code: 'wrong_encryption_key',
    message: expect.stringContaining('SLUICE_ENCRYPTION_KEY') as string,
  });
  await expect(open(third, first)).rejects.toMatchObject({ code: 'wrong_encryption_key' });
});

test('a rotation that was broken off leaves a state that needs both keys, and goes on', async () => {
  await migrate(db);
  await fill(await open(first));
  // The connection and a chunk's cursor are done, the rest is not.
  const ring = createKeyRing([second, first]);
  for (const [table, column] of [
    ['connections', 'settings'],
    ['chunks', 'cursor'],
  ] as const) {
    const { rows } = await sql<{ value: Buffer }>`
      select ${sql.ref(column)} as value from ${sql.table(table)}`.execute(db);
    await sql`update ${sql.table(table)} set ${sql.ref(column)} = ${ring.seal(ring.open(rows[0]!.value))}`.execute(
      db,
    );
  }
  await expect(open(first)).rejects.toMatchObject({ code: 'wrong_encryption_key' });
  await expect(open(second)).rejects.toMatchObject({ code: 'wrong_encryption_key' });
  expect(await reseal(db, ring, 'all')).toBe(13);
  await expectContent(await open(second));
});

test('a rotation knows every column of bytes but the hashes', async () => {
  await migrate(db);
  const { rows } = await sql<{ name: string }>`
    select table_name || '.' || column_name as name from information_schema.columns
    where table_schema = 'public' and data_type = 'bytea' and column_name not like '%hash'`.execute(
    db,
  );
  expect(new Set(rows.map(({ name }) => name))).toEqual(
    new Set(sealedColumns.map(([table, column]) => `${table}.${column}`)),
  );
});

test('many rows change under a rotation and all end with the current key', async () => {
  await migrate(db);
  const store = await open(first);
  const entries = Array.from({ length: 2500 }, (_, n) => ({
    keyHash: store.seal.hash(String(n)),
    key: [`k${n}`],
    recordId: null,
    valueHash: null,
  }));
  await store.ledger.put('customers', entries);
  const both = await open(second, first);
  const rotated = new AbortController();
  const worker = async () => {
    while (!rotated.signal.aborted) await both.ledger.put('customers', entries.slice(0, 50));
  };
  const working = worker();
  expect(await reseal(db, createKeyRing([second, first]), 'all')).toBeGreaterThan(2000);
  rotated.abort();
  await working;
  const found = await (
    await open(second)
  ).ledger.find(
    'customers',
    entries.map(({ keyHash }) => keyHash),
  );
  expect(new Set([...found.values()].map(({ key }) => key[0]))).toEqual(
    new Set(entries.map(({ key }) => key[0])),
  );
});

test('a database of the first version keeps its ledger and its open run, and is sealed at the first start', async () => {
  const oldest = { '0001-initial': initial };
  const { error } = await new Migrator({
    db,
    provider: { getMigrations: async () => oldest },
  }).migrateToLatest();
  expect(error).toBeUndefined();
  const hashKey = createHmac('sha256', first).update('sluice hash').digest();
  const keyHash = createHmac('sha256', hashKey).update('key').digest().subarray(0, 16);
  await sql`insert into connections (id, type, settings) values ('shop', 'postgres', ${sealedByFirst()})`.execute(
    db,
  );
  await sql`insert into runs (id, sync, mode, options, spec, since, until, watermark)
    values (${run}, 'customers', 'upsert', '{}', ${JSON.stringify(spec)}, ${canary}, ${canary}, ${canary})`.execute(
    db,
  );
  await sql`insert into chunks (run, no, cursor) values (${run}, 0, ${canary})`.execute(db);
  await sql`insert into record_errors (run, no, key, operation, code, message, retryable)
    values (${run}, 0, ${JSON.stringify([canary])}, 'create', 'x', ${`no ${canary}`}, true)`.execute(
    db,
  );
  await sql`insert into ledger values ('customers', ${keyHash}, ${JSON.stringify([canary])}, ${canary}, null)`.execute(
    db,
  );
  await sql`insert into watermarks (sync, fingerprint, value, run) values ('customers', 'f', ${canary}, ${run})`.execute(
    db,
  );
  await migrate(db);
  await expect(open(second)).rejects.toMatchObject({ code: 'wrong_encryption_key' });
  const store = await open(first);
  expect(store.seal.hash('key')).toEqual(keyHash);
  await expectContent(store);
  expect(await dump()).not.toContain('canary');
});

async function open(current: Buffer, ...retired: Buffer[]): Promise<Store> {
  return createStore(db, await openSeal(db, createKeyRing([current, ...retired])));
}

async function fill(store: Store): Promise<void> {
  await store.catalog.putConnection({ id: 'shop', type: 'postgres', settings: { url: canary } });
  await store.runPlans.create({ id: run, sync: 'customers', spec, options: {} });
  await store.runPlans.open(run, {
    warnings: [],
    kind: 'records',
    since: canary,
    until: canary,
    settled: canary,
  });
  await store.chunks.claim(run, 0, 1);
  await store.chunks.commit(run, 0, 1, {
    state: 'staged',
    cursor: { value: canary, last: true, highest: canary },
    stats: noStats,
    stage: { records: canary },
    errors: [
      {
        key: [canary],
        operation: 'create',
        code: 'x',
        message: `no ${canary}`,
        retryable: true,
      },
    ],
  });
  const failed = { ok: false, code: 'x', message: canary, retryable: true } as const;
  await store.journal.write(
    { run, no: 0, token: 1 },
    {
      entries: [
        { seq: 0, outcome: failed },
        { seq: 1, outcome: null },
      ],
    },
  );
  const keyHash = store.seal.hash('key');
  await store.ledger.put('customers', [
    { keyHash, key: [canary], recordId: canary, valueHash: null },
  ]);
  await store.watermarks.put('customers', {
    fingerprint: 'f',
    value: canary,
    seen: canary,
    run,
  });
  await store.runProgress.finish(run, {
    status: 'completed',
    outcome: 'ok',
    failure: null,
    watermark: canary,
  });
}

async function expectContent(store: Store): Promise<void> {
  expect((await store.catalog.connection('shop'))?.settings).toEqual({ url: canary });
  expect(await store.runPlans.get(run)).toMatchObject({ since: canary, until: canary });
  expect(await store.runs.get(run)).toMatchObject({ watermark: canary });
  expect(await store.chunks.get(run, 0)).toMatchObject({ cursor: canary });
  expect((await store.errors.list(run, { limit: 9 })).errors).toEqual([
    { key: [canary], operation: 'create', code: 'x', message: `no ${canary}`, retryable: true },
  ]);
  const keyHash = store.seal.hash('key');
  const entry = (await store.ledger.find('customers', [keyHash])).get(keyHash.toString('hex'));
  expect(entry).toMatchObject({ key: [canary], recordId: canary });
  expect(await store.watermarks.get('customers', 'f')).toMatchObject({ value: canary });
}

/** Every table as text, bytes as what they spell. */
async function dump(): Promise<string> {
  const tables = await made.query(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'public'`,
  );
  const texts: string[] = [];
  for (const { name } of tables) texts.push(...(await made.rows(name ?? '')).map(String));
  const spelled = texts.map((text) =>
    text.replaceAll(/\\x([0-9a-f]+)/g, (_, hex: string) => Buffer.from(hex, 'hex').toString()),
  );
  return [...texts, ...spelled].join('\n');
}

/** A connection as the first version sealed it. */
function sealedByFirst(): Buffer {
  const id = createHash('sha256').update('sluice key id').update(first).digest().subarray(0, 4);
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', first, nonce).setAAD(id);
  const text = Buffer.concat([cipher.update(JSON.stringify({ url: canary })), cipher.final()]);
  return Buffer.concat([id, nonce, cipher.getAuthTag(), text]);
}
