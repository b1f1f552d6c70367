import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDatabase, type Database } from '../../../../test/support/database.ts';
import { copyOut } from '../read/copy-out.ts';
import { testSession, type TestSession } from '../testing/session.ts';

const foreign = {
  datestyle: 'SQL, DMY',
  timezone: 'America/New_York',
  intervalstyle: 'iso_8601',
  bytea_output: 'escape',
  extra_float_digits: '0',
  array_nulls: 'off',
  quote_all_identifiers: 'on',
  statement_timeout: '3s',
  idle_in_transaction_session_timeout: '4s',
};
const shown = `0.1::float8 + 0.2::float8 AS f, '2024-03-04'::date AS d,
  '2024-11-03 05:30:00+00'::timestamptz AS t, '1 year 2 days'::interval AS i, '\\xff00'::bytea AS b,
  '{NULL}'::text[] AS a, format_type('text'::regtype, NULL) AS name`;
const exact = {
  f: '0.30000000000000004',
  d: '2024-03-04',
  t: '2024-11-03 05:30:00+00',
  i: '1 year 2 days',
  b: '\\xff00',
  a: '{NULL}',
  name: 'text',
};

let database: Database;
let session: TestSession;

beforeAll(async () => {
  database = await createDatabase('session');
  const name = new URL(database.url).pathname.slice(1);
  for (const [setting, value] of Object.entries(foreign))
    await database.query(`ALTER DATABASE ${name} SET ${setting} = '${value}'`);
  session = testSession(database.url);
});
afterAll(async () => {
  await session?.close();
  await database?.drop();
});

it('prints and reads values the same way, whatever the database says and other clients have set', async () => {
  expect((await session.query(`SELECT ${shown}`)).rows).toEqual([exact]);
  await session.withClient((client) =>
    client.query('SET extra_float_digits = -5; SET TimeZone = 0'),
  );
  expect((await session.query(`SELECT ${shown}, $1::text AS v`, ['v'])).rows).toEqual([
    { ...exact, v: 'v' },
  ]);
  const inside = await session.transaction((client) => session.run(client, `SELECT ${shown}`));
  expect(inside.rows).toEqual([exact]);
  const copied: Buffer[] = [];
  for await (const chunk of copyOut(session, `SELECT ${shown}`)) copied.push(chunk);
  const line = Object.values(exact).join('\t').replace('\\xff00', '\\\\xff00');
  expect(Buffer.concat(copied).toString()).toBe(`${line}\n`);
  await session.withClient((client) => client.query('RESET ALL'));
});

it('leaves no trace in a session, which a pooler may give to another client', async () => {
  const before = await session.withClient(settings);
  expect(before).toMatchObject({ statement_timeout: '3s', TimeZone: 'America/New_York' });
  await session.query('SELECT 1');
  expect(await session.withClient(settings)).toEqual(before);
  await session.transaction((client) => session.run(client, 'SELECT 1'));
  expect(await session.withClient(settings)).toEqual(before);
  for await (const _ of copyOut(session, 'SELECT 1'));
  expect(await session.withClient(settings)).toEqual(before);
  await expect(session.query('SELECT 1/0')).rejects.toThrow('division by zero');
  expect(await session.withClient(settings)).toEqual(before);
});

it('bounds what a transaction computes and waits for, a lone statement too', async () => {
  const sql = `SELECT current_setting('statement_timeout') AS computes,
    current_setting('idle_in_transaction_session_timeout') AS waits`;
  const limits = [{ computes: '1min', waits: '15s' }];
  expect((await session.query(sql)).rows).toEqual(limits);
  const inside = await session.transaction((client) => session.run(client, sql));
  expect(inside.rows).toEqual(limits);
  const slow = testSession(database.url, { statementTimeoutMs: 20 });
  await expect(slow.query('SELECT pg_sleep(60)')).rejects.toMatchObject({ class: 'transient' });
  await slow.close();
});

it('undoes a lone statement that fails, and keeps one that does not', async () => {
  await session.query('CREATE TABLE t (id int PRIMARY KEY)');
  await session.query('INSERT INTO t VALUES ($1)', ['1']);
  await expect(session.query('INSERT INTO t VALUES (2), ($1)', ['1'])).rejects.toThrow('t_pkey');
  expect(await database.value('SELECT count(*) FROM t')).toBe('1');
});

async function settings(client: pg.PoolClient): Promise<Record<string, string>> {
  const { rows } = await client.query<{ name: string; setting: string }>('SHOW ALL');
  return Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
}
