import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  expectStats,
  openBench,
  putSync,
  runSync,
  tableSync,
  type Bench,
  type PartialSync,
} from '../support/bench.ts';
import type { RunView } from '../../src/api/views/run-view.ts';
import type { Database } from '../support/database.ts';

let bench: Bench;

beforeAll(async () => {
  bench = await openBench();
  for (const database of [bench.shop, bench.crm])
    await database.query(`CREATE SCHEMA ext; CREATE EXTENSION citext SCHEMA ext; CREATE EXTENSION hstore SCHEMA ext;
      CREATE COLLATION folding (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
      CREATE DOMAIN doc AS json; CREATE DOMAIN code AS varchar(4); CREATE TYPE pair AS (n int, j json)`);
});
afterAll(() => bench.close());

/** Makes a table on each side, and the sync of the same name. */
async function tables(name: string, from: string, to = from, more: PartialSync = {}) {
  await bench.shop.query(`CREATE TABLE ${name} (${from})`);
  await bench.crm.query(`CREATE TABLE ${name} (${to})`);
  await putSync(bench.stack, name, tableSync(name, more));
}

const said = ({ failure }: RunView) => `${failure?.code} ${failure?.message}`;

const printed = (database: Database, table: string) =>
  database.value(`SELECT string_agg(r::text, ' ' ORDER BY r.id) FROM ${table} r`);

test('a type of an extension in a schema of its own: no key is passed over, none removed (R7)', async () => {
  const { stack, shop, crm } = bench;
  await tables('people', 'id ext.citext PRIMARY KEY, n int', undefined, { mode: 'mirror' });
  // Half of the keys sort differently as text, and the second page begins among them.
  await shop.query(`INSERT INTO people SELECT CASE WHEN i % 2 = 0 THEN upper(md5(i::text)) ELSE md5(i::text) END, i
    FROM generate_series(1, 26000) i`);
  expectStats(await runSync(stack, 'people'), { imported: 26_000, created: 26_000 });
  expect(await crm.value('SELECT count(*) FROM people')).toBe('26000');
  await crm.query('UPDATE people SET id = upper(id::text)::ext.citext');
  await shop.query(`UPDATE people SET id = upper(id::text)::ext.citext`);
  expectStats(await runSync(stack, 'people'), { imported: 26_000, unchanged: 26_000 });
});

test('a value that "=" takes for the one before arrives, and then nothing is written', async () => {
  const cases: readonly (readonly [type: string, before: string, after: string])[] = [
    ['ext.citext', `'mcdonald'`, `'McDonald'`],
    ['ext.citext[]', `'{ab}'`, `'{AB}'`],
    ['text COLLATE folding', `'a'`, `'A'`],
    ['interval', `'1 month'`, `'30 days'`],
    ['interval', `'24:00'`, `'1 day'`],
    ['numeric', '1.5', '1.50'],
    ['numeric[]', `'{2.0}'`, `'{2}'`],
    ['float8', '0', `'-0'`],
    ['float4[]', `'{0}'`, `'{-0}'`],
    ['jsonb', `'{"a": 1}'`, `'{"a": 1.0}'`],
    ['json', `'{"a": 1}'`, `'{"a":1}'`],
    ['doc', `'[1]'`, `'[ 1]'`],
    ['pair', `ROW(1, '{}')::pair`, `ROW(1, '{ }')::pair`],
    ['jsonpath', `'$.a'`, `'$.b'`],
    ['box', `'((0,0),(2,2))'`, `'((0,0),(4,1))'`],
    ['xid', `'1'`, `'2'`],
    ['ext.hstore', `'k=>1'`, `'k=>2'`],
    ['numrange', `'[1.0,2.0)'`, `'[1.00,2.0)'`],
  ];
  const { stack, shop, crm } = bench;
  // The record of a case has a value only in the column of that case.
  await tables(
    'same',
    `id int PRIMARY KEY, ${cases.map(([type], at) => `c${at} ${type}`).join(', ')}`,
  );
  const each = (sql: (at: number) => string) => cases.map((_, at) => sql(at)).join('; ');
  await shop.query(each((at) => `INSERT INTO same (id, c${at}) VALUES (${at}, ${cases[at]?.[1]})`));
  const imported = cases.length;
  expectStats(await runSync(stack, 'same'), { imported, created: imported });
  expectStats(await runSync(stack, 'same'), { imported, unchanged: imported });
  await shop.query(each((at) => `UPDATE same SET c${at} = ${cases[at]?.[2]} WHERE id = ${at}`));
  const changed = await runSync(stack, 'same');
  expect(await crm.rows('same')).toEqual(await shop.rows('same'));
  expectStats(changed, { imported, updated: imported });
  expectStats(await runSync(stack, 'same'), { imported, unchanged: imported });
});

test('what a column rounds, cuts or pads is written once', async () => {
  const { stack, shop, crm } = bench;
  await tables(
    'coerced',
    'id text PRIMARY KEY, n numeric, t timestamptz, v text, w text[], d text, b int, i numeric',
    'id char(6) PRIMARY KEY, n numeric(6,2), t timestamptz(0), v varchar(3), w char(3)[], d code, b float4, i int',
  );
  await shop.query(
    `INSERT INTO coerced VALUES ('a', 1.2345, '2026-01-01 10:00:00.6', 'ab     ', '{x, "y  "}', 'abcd  ', 16777217, 42.000)`,
  );
  expectStats(await runSync(stack, 'coerced'), { imported: 1, created: 1 });
  expect(await printed(crm, 'coerced')).toBe(
    `("a     ",1.23,"2026-01-01 10:00:01+00","ab ","{""x  "",""y  ""}",abcd,1.6777216e+07,42)`,
  );
  expectStats(await runSync(stack, 'coerced'), { imported: 1, unchanged: 1 });
  // A value that cutting or rounding would damage is refused, each time.
  await shop.query(`UPDATE coerced SET v = 'abcd', i = 42.5`);
  expectStats(await runSync(stack, 'coerced'), { imported: 1, errors: 1 });
  await shop.query(`UPDATE coerced SET i = 43`);
  expectStats(await runSync(stack, 'coerced'), { imported: 1, errors: 1 });
  await shop.query(`UPDATE coerced SET v = 'abc', d = 'abcde'`);
  expectStats(await runSync(stack, 'coerced'), { imported: 1, errors: 1 });
});

test.each([
  ['citext', 'text', 'ext.citext', `'Ada', 'ada', 'bob'`],
  ['collation', 'text', 'text COLLATE folding', `'Ada', 'ada', 'bob'`],
  ['char', 'text', 'char(5)', `'ab', 'ab ', 'c'`],
  ['varchar', 'text', 'varchar(2)', `'ab', 'ab ', 'c'`],
  [
    'seconds',
    'timestamptz',
    'timestamptz(0)',
    `'2024-01-01 10:00:00.1', '2024-01-01 10:00:00.2', '2024-01-02'`,
  ],
  ['real', 'float8', 'real', '16777216, 16777217, 1'],
  ['cents', 'numeric', 'numeric(9,2)', '1.001, 1.002, 5'],
  ['number', 'text', 'int', `'1', '01', '5'`],
])('keys that are one as %s: the later record wins', async (name, from, to, keys) => {
  const { stack, shop, crm } = bench;
  const table = `merge_${name}`;
  await tables(table, `id ${from} PRIMARY KEY, n int`, `id ${to} PRIMARY KEY, n int`);
  await shop.query(
    `INSERT INTO ${table} SELECT k, n FROM unnest(ARRAY[${keys}]::${from}[]) WITH ORDINALITY AS u(k, n)`,
  );
  expectStats(await runSync(stack, table), { imported: 3, created: 2, skipped: 1 });
  expectStats(await runSync(stack, table), { imported: 3, unchanged: 2, skipped: 1 });
  expect(await crm.value(`SELECT count(*) FROM ${table}`)).toBe('2');
});

test('an empty text of a database is a key; records at fault protect what they stand for (R7)', async () => {
  const { stack, shop, crm } = bench;
  const table = 'id text, part text, v text, UNIQUE (id, part)';
  const key = ['id', 'part'];
  const rows = `('a', 'x', '1'), ('', 'x', '2'), ('b', '', '3'), ('c', NULL, '4'), (NULL, NULL, '5'), (' ', ' ', '6')`;
  await tables('blank', table, table, { mode: 'mirror', source: { key }, destination: { key } });
  await shop.query(`INSERT INTO blank VALUES ${rows}`);
  await crm.query(`INSERT INTO blank VALUES ${rows}, ('gone', 'x', '0')`);
  expectStats(await runSync(stack, 'blank'), { imported: 6, unchanged: 4, errors: 2, removed: 1 });
  expect(await crm.rows('blank')).toEqual(await shop.rows('blank'));

  await tables('trimmed', 'id text PRIMARY KEY', undefined, {
    mode: 'mirror',
    match: { trim: true },
  });
  await shop.query(`INSERT INTO trimmed VALUES (' '), ('a')`);
  await crm.query(`INSERT INTO trimmed VALUES (''), ('a '), ('gone')`);
  expectStats(await runSync(stack, 'trimmed'), { imported: 2, updated: 2, removed: 1 });
});

test('record by record: a mirror meets its keys again, in whatever spelling (R7)', async () => {
  const { stack, shop, crm } = bench;
  const role = `plain_${process.pid}`;
  await crm.query(`CREATE ROLE ${role} LOGIN PASSWORD 'plain'; GRANT USAGE ON SCHEMA ext TO ${role};
    REVOKE CREATE ON SCHEMA public FROM public`);
  const url = Object.assign(new URL(crm.url), { username: role, password: 'plain' });
  await stack.client.connections.put('plain', { type: 'postgres', url: url.href });
  const kinds = [
    ['bytea', 'bytea', `'\\x00ff', '\\x'`],
    ['timestamp', 'timestamp', `'2026-01-02 03:04:05.6', 'infinity'`],
    ['inet', 'inet', `'::1', '10.0.0.1/24'`],
    ['float8', 'real', '16777217, 0.1'],
    ['numeric', 'numeric(9,2)', '1.001, 5'],
    ['text', 'ext.citext', `'Ada', 'bob'`],
  ] as const;
  for (const [at, [from, to, keys]] of kinds.entries()) {
    const table = `plain_${at}`;
    const more = {
      mode: 'mirror',
      fields: { n: 'n' },
      destination: { connection: 'plain' },
    } as const;
    await tables(table, `id ${from} PRIMARY KEY, n int`, `id ${to} PRIMARY KEY, n int`, more);
    await crm.query(`GRANT ALL ON ${table} TO ${role}`);
    await shop.query(`INSERT INTO ${table} SELECT k, 1 FROM unnest(ARRAY[${keys}]::${from}[]) k`);
    expectStats(await runSync(stack, table), { imported: 2, created: 2 });
    if (to === 'ext.citext') await shop.query(`UPDATE ${table} SET id = upper(id)`);
    expectStats(await runSync(stack, table), { imported: 2, unchanged: 2 });
    expect([to, await crm.value(`SELECT count(*) FROM ${table}`)]).toEqual([to, '2']);
  }
});

test('the key of an inherited table says nothing of its children', async () => {
  const { stack, shop, crm } = bench;
  await tables('log', 'id text, n int PRIMARY KEY', 'id text PRIMARY KEY, n int');
  await shop.query(`CREATE TABLE log_a (PRIMARY KEY (n)) INHERITS (log);
    INSERT INTO log SELECT 'p' || i, i FROM generate_series(1, 13000) i;
    INSERT INTO log_a SELECT 'a' || i, i FROM generate_series(1, 13000) i`);
  expectStats(await runSync(stack, 'log'), { imported: 26_000, created: 26_000 });
  expect(await crm.value('SELECT count(*) FROM log')).toBe('26000');
});

describe('one record ahead of time does not hold the watermark', () => {
  const now = `now()`;
  test.each([
    ['timestamptz', now, `'infinity'`],
    ['timestamp', now, `'2999-12-31'`],
    ['date', now, `'infinity'`],
    ['numeric', '50', `'NaN'`],
    ['float8', '50', `'Infinity'`],
    ['text', `to_char(now(), 'YYYY-MM-DD HH24:MI:SS')`, `'9999-12-31'`],
  ])('%s: %s after %s', async (type, later, odd) => {
    const { stack, shop, crm } = bench;
    const table = `ahead_${type}`;
    const old = type === 'numeric' || type === 'float8' ? '1' : `'2024-01-01'`;
    await tables(table, `id int PRIMARY KEY, w ${type}, v text`, undefined, {
      source: { watermark: 'w' },
    });
    await shop.query(`INSERT INTO ${table} VALUES (1, ${old}, 'a'), (2, ${odd}, 'odd')`);
    expectStats(await runSync(stack, table), { imported: 2, created: 2 });
    await shop.query(`INSERT INTO ${table} VALUES (3, ${later}, 'new')`);
    const { stats, warnings } = await runSync(stack, table);
    expect(stats.created).toBe(1);
    expect(warnings).toMatchObject([{ code: 'watermark_ahead' }]);
    expect(await crm.rows(table)).toEqual(await shop.rows(table));
  });

  test.each([
    ['uuid', `gen_random_uuid()`, 'completed'],
    ['boolean', 'true', 'completed'],
    ['xid8', `'7'`, 'completed'],
    ['json', `'1'`, 'failed'],
    ['text', `'12/31/2024'`, 'failed'],
  ])('a watermark of type %s, %s: %s', async (type, value, status) => {
    const { stack, shop } = bench;
    const table = `mark_${type}`;
    await tables(table, `id int PRIMARY KEY, w ${type}`, undefined, { source: { watermark: 'w' } });
    await shop.query(`INSERT INTO ${table} VALUES (1, ${value})`);
    const run = await runSync(stack, table);
    expect(run.status).toBe(status);
    expect(run.failure === null || /^invalid_watermark .*"w"/.test(said(run))).toBe(true);
  });

  test('a watermark whose type has changed is a clear failure', async () => {
    const { stack, shop } = bench;
    await tables('retyped', 'id int PRIMARY KEY, w int', 'id int PRIMARY KEY, w text', {
      source: { watermark: 'w' },
    });
    await shop.query('INSERT INTO retyped VALUES (1, 7)');
    expectStats(await runSync(stack, 'retyped'), { imported: 1, created: 1 });
    await shop.query('ALTER TABLE retyped ALTER w TYPE timestamptz USING now()');
    const { status, failure } = await runSync(stack, 'retyped');
    expect({ status, code: failure?.code }).toEqual({
      status: 'failed',
      code: 'watermark_changed',
    });
    expect(failure?.message).toMatch(/"w".*--full/);
    expectStats(await runSync(stack, 'retyped', { full: true }), { imported: 1, updated: 1 });
  });
});
