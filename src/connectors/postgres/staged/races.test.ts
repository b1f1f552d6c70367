import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { createDatabase, type Database } from '../../../../test/support/database.ts';
import { permissionsOf, type Mode } from '../../../model/mode.ts';
import type { StagedLayout } from '../../contract/staging.ts';
import { connectDirectly, type DirectConnection } from '../../testing/direct.ts';
import { postgres } from '../postgres.ts';

let database: Database;
let connection: DirectConnection;
let runs = 0;

beforeAll(async () => {
  database = await createDatabase('races');
  const settings = postgres.settings.parse({ url: database.url });
  connection = connectDirectly(postgres, settings, { connection: 'crm' });
});
afterAll(async () => {
  await connection?.close();
  await database?.drop();
});

const audited = `
  CREATE TABLE audit (operation text, key text);
  CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    IF current_setting('application_name') = 'sluice' THEN
      INSERT INTO audit VALUES (TG_OP, coalesce(NEW.code, OLD.code));
    END IF;
    RETURN NULL;
  END $$;
  CREATE TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON people FOR EACH ROW EXECUTE FUNCTION note()`;

const plain = 'CREATE TABLE people (code text PRIMARY KEY, name text)';
const parted = `CREATE TABLE people (code text PRIMARY KEY, name text) PARTITION BY HASH (code);
  CREATE TABLE people_0 PARTITION OF people FOR VALUES WITH (MODULUS 2, REMAINDER 0);
  CREATE TABLE people_1 PARTITION OF people FOR VALUES WITH (MODULUS 2, REMAINDER 1)`;
const generated = `CREATE TABLE people (id int GENERATED ALWAYS AS IDENTITY, code text PRIMARY KEY, name text,
  shout text GENERATED ALWAYS AS (upper(name)) STORED)`;

beforeEach(async () => {
  await database.query('DROP TABLE IF EXISTS people, audit; DROP FUNCTION IF EXISTS note');
});

it.each([
  ['a table', plain],
  ['a partitioned table', parted],
  ['a table with identity and generated columns', generated],
])('counts what it did, whatever others write meanwhile: %s (R10)', async (_, table) => {
  await make(table);
  // Others create m and same, remove b and touch c between the chunk's classification and its writes.
  const counts = await whileOthers(
    `INSERT INTO people (code, name) VALUES ('m', 'theirs'), ('same', 'new');
     DELETE FROM people WHERE code = 'b'; UPDATE people SET name = 'touched' WHERE code = 'c'`,
    'upsert',
  );
  expect(counts).toEqual({ imported: 6, created: 2, updated: 2, unchanged: 2, mode: 0, errors: 0 });
  expect(await database.value(`SELECT count(*) FROM audit WHERE operation = 'INSERT'`)).toBe('2');
  expect(await database.value(`SELECT count(*) FROM audit WHERE operation = 'UPDATE'`)).toBe('2');
  expect(await people()).toEqual(['a=same', 'b=new', 'c=new', 'm=new', 'new=new', 'same=new']);
});

it.each([
  ['create', { created: 1, updated: 0, mode: 3 }],
  ['update', { created: 0, updated: 1, mode: 4 }],
] as const)(
  'does in mode %s only what it may, whatever others write meanwhile',
  async (mode, wanted) => {
    await make(plain);
    const others = `INSERT INTO people (code, name) VALUES ('m', 'theirs'), ('same', 'new');
    DELETE FROM people WHERE code = 'b'; UPDATE people SET name = 'touched' WHERE code = 'c'`;
    const counts = await whileOthers(others, mode);
    expect(counts).toMatchObject({ ...wanted, errors: 0 });
    const { imported, created, updated, unchanged, mode: skipped } = counts;
    expect(created + updated + unchanged + skipped).toBe(imported);
    const count = await database.value('SELECT count(*) FROM audit');
    expect(count).toBe(String(created + updated));
  },
);

it.each([
  ['upsert', 99, { created: 2, updated: 1, unchanged: 1, mode: 0, errors: 1 }],
  ['create', 99, { created: 2, updated: 0, unchanged: 1, mode: 1, errors: 1 }],
  ['upsert', 40, { created: 1, updated: 1, unchanged: 2, mode: 0, errors: 1 }],
] as const)(
  'counts what it did in mode %s where key %s is held and others take more of the range (R10)',
  async (mode, held, wanted) => {
    await database.query(`CREATE TABLE people (code int PRIMARY KEY, name text CHECK (name <> 'bad')); ${audited};
      INSERT INTO people VALUES (1, 'new'), (${held}, 'new')`);
    const counts = await whileOthers(
      `INSERT INTO people VALUES (20, 'theirs'), (30, 'new')`,
      mode,
      ['10=new', '20=new', '30=new', '40=new', '50=bad'],
    );
    expect(counts).toEqual({ imported: 5, ...wanted });
    const audit = await database.query('SELECT operation FROM audit');
    expect(audit).toHaveLength(wanted.created + wanted.updated);
    const met = mode === 'upsert' ? '20=new' : '20=theirs';
    const there = ['1=new', '10=new', met, '30=new', '40=new', ...(held === 99 ? ['99=new'] : [])];
    expect(await people()).toEqual(there);
  },
);

async function make(table: string): Promise<void> {
  await database.query(`${table}; ${audited};
    INSERT INTO people (code, name) VALUES ('a', 'same'), ('b', 'old'), ('c', 'old')`);
}

async function people(): Promise<(string | null)[]> {
  const rows = await database.query(`SELECT code || '=' || name AS row FROM people ORDER BY code`);
  return rows.map(({ row }) => row ?? null);
}

const layout: StagedLayout = {
  columns: ['code', 'name'].map((name) => ({ field: { name, type: 'text' }, encoding: 'json' })),
  key: [0],
  assign: [
    { to: 'code', from: 0 },
    { to: 'name', from: 1 },
  ],
  uniqueKeys: false,
};

const letters = ['a=same', 'b=new', 'c=new', 'm=new', 'new=new', 'same=new'];

/** Applies a chunk while another transaction holds up its writes, and commits before they go on. */
async function whileOthers(others: string, mode: Mode, rows: readonly string[] = letters) {
  const destination = await connection.destination?.({
    sync: 's',
    stream: 'public.people',
    key: ['code'],
    fields: ['code', 'name'],
    permissions: permissionsOf(mode),
    match: { caseInsensitive: false, trim: false },
    tracked: false,
    options: {},
  });
  if (destination?.kind !== 'staging') throw new Error('not staging');
  const chunk = { run: `r${(runs += 1)}`, chunk: 0, token: 1 };
  const staged = async function* () {
    yield rows.map((row) => ({ values: row.split('=') }));
  };
  await destination.stageRows(chunk, layout, staged());
  const other = new Client({ connectionString: database.url, options: '-c search_path=public' });
  await other.connect();
  await other.query(`BEGIN; ${others}`);
  const applying = destination.apply(chunk, layout, { dryRun: false });
  await waiting();
  await other.query('COMMIT');
  await other.end();
  const { stats } = await applying;
  const { imported, created, updated, unchanged, skipped, errors } = stats;
  return { imported, created, updated, unchanged, mode: skipped.mode, errors };
}

/** Waits until a statement waits for a lock. */
async function waiting(): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    const found = await database.value(
      `SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
       WHERE NOT l.granted AND a.datname = current_database()`,
    );
    if (found !== '0') return;
    await sleep(25);
  }
  throw new Error('nothing waits');
}

it('finds records by keys of other spellings, and is not upset by those that can be none', async () => {
  await database.query(`DROP TABLE IF EXISTS things;
    CREATE TABLE things (code int PRIMARY KEY, name text); INSERT INTO things VALUES (42, 'it'), (7, 'other')`);
  const destination = await connection.destination?.({
    sync: 's',
    stream: 'public.things',
    key: ['code'],
    fields: ['name'],
    permissions: permissionsOf('upsert'),
    match: { caseInsensitive: false, trim: false },
    tracked: false,
    options: {},
    kind: 'records',
  });
  if (destination?.kind !== 'records') throw new Error('not records');
  const found = await destination.lookup?.([['none'], ['0042'], ['7'], ['99999999999']]);
  expect(found?.map(({ key }) => key)).toEqual([['0042'], ['7']]);
});
