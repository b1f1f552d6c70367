import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase, type Database } from '../../../../test/support/database.ts';
import { failureOf, faultOf, rowFault } from './failures.ts';
import { withoutValues } from './redact.ts';
import { testSession, type TestSession } from '../testing/session.ts';

let database: Database;
let session: TestSession;

beforeAll(async () => {
  database = await createDatabase('failures');
  session = testSession(database.url);
  await database.query(`CREATE TABLE orders (id int PRIMARY KEY, total int CHECK (total > 0), note text NOT NULL);
    INSERT INTO orders VALUES (1, 1, 'hush'), (2, 2, 'hush');
    CREATE VIEW totals AS SELECT id, note::int AS total FROM orders;
    CREATE MATERIALIZED VIEW later AS SELECT * FROM orders WITH NO DATA;
    CREATE FUNCTION refuse() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE 'hush'; END $$;
    CREATE FUNCTION insist() RETURNS int LANGUAGE plpgsql AS $$ BEGIN ASSERT false, 'hush'; END $$;
    CREATE EXTENSION hstore`);
});
afterAll(async () => {
  await session?.close();
  await database?.drop();
});

describe('a statement that fails names the state, the object, and what to do, and quotes no value (R1)', () => {
  it.each([
    ['SELECT total FROM totals', 'invalid_value', /for type integer \(22P02\): .* must be mended/],
    ['SELECT (SELECT id FROM orders)', 'invalid_value', /more than one row.*\(21000\): several/],
    [
      `INSERT INTO orders VALUES (1, 1, 'hush')`,
      'constraint',
      /"orders_pkey", table orders \(23505\)/,
    ],
    [`INSERT INTO orders VALUES (3, 0, 'hush')`, 'constraint', /orders_total_check/],
    ['INSERT INTO orders VALUES (3, 1)', 'constraint', /column "note" of relation "orders"/],
    ['SELECT * FROM order_s', 'unknown_stream', /"order_s" does not exist/],
    ['SELECT tota FROM orders', 'unknown_field', /"tota" does not exist/],
    ['SELEC 1', 'invalid_query', /syntax error at or near "SELEC"/],
    [`SELECT 'x => hush hush'::text::hstore`, 'invalid_query', /syntax error/],
    ['SELECT max(true)', 'invalid_query', /max\(boolean\) does not exist/],
    ['SELECT refuse()', 'refused', /refused by PL\/pgSQL function refuse\(\) \(P0001\)/],
    ['SELECT insist()', 'refused', /refused by PL\/pgSQL function insist\(\) \(P0004\)/],
    ['SELECT * FROM later', 'refused', /"later" has not been populated/],
    ['LISTEN a; LISTEN b', 'invalid_query', /42601/],
  ])('%s', async (sql, code, message) => {
    const error: unknown = await session.query(sql).catch((failure: unknown) => failure);
    expect(error).toMatchObject({ class: 'config', code, connection: 'shop' });
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).not.toContain('hush');
  });

  it('says why a login is refused, without the names of the url, which is secret', async () => {
    await database.query(`DROP ROLE IF EXISTS "hush"; CREATE ROLE "hush" NOLOGIN PASSWORD 'hush'`);
    const url = Object.assign(new URL(database.url), { username: 'hush', password: 'hush' });
    const stranger = testSession(url.href);
    const error: unknown = await stranger.query('SELECT 1').catch((failure: unknown) => failure);
    await stranger.close();
    await database.query('DROP ROLE "hush"');
    expect(error).toMatchObject({ class: 'config', code: 'credentials' });
    expect((error as Error).message).toMatch(/refused the login: role … is not permitted/);
    expect((error as Error).message).not.toContain('hush');
  });

  it('calls a database that only reads so', async () => {
    const reader = testSession(`${database.url}?options=-c%20default_transaction_read_only%3Don`);
    await expect(reader.query('DELETE FROM orders')).rejects.toMatchObject({
      class: 'config',
      code: 'read_only',
      message: expect.stringMatching(/read-only transaction \(25006\): to write/) as string,
    });
    expect((await reader.query('SELECT FROM orders')).count).toBe(2);
    await reader.close();
  });

  it('retries what another attempt may not meet', async () => {
    for (const state of ['40001', '40P01', '55P03', '57P01', '57014', 'XX000', '53300'])
      await expect(
        session.query(`DO $$ BEGIN RAISE SQLSTATE '${state}' USING MESSAGE = 'hush'; END $$`),
      ).rejects.toMatchObject({ class: 'transient' });
  });
});

describe('a record error', () => {
  it('is what a type of an extension cannot read, and what a policy refuses', async () => {
    await database.query(`CREATE TABLE own (id int, tags hstore); CREATE ROLE ${role} LOGIN;
      GRANT ALL ON own TO ${role}; ALTER TABLE own ENABLE ROW LEVEL SECURITY;
      CREATE POLICY p ON own USING (true) WITH CHECK (id = 1)`);
    const fault = (sql: string) =>
      session.withClient(async (client) => {
        await client.query(`BEGIN; SET LOCAL ROLE ${role}`);
        const error = await session.run(client, sql).catch((failure: unknown) => failure);
        await client.query('ROLLBACK');
        return rowFault(error);
      });
    expect(
      await fault(`INSERT INTO own SELECT 1, t::hstore FROM (VALUES ('hush' || '')) v(t)`),
    ).toEqual({ code: '42601', message: expect.not.stringContaining('hush') as string });
    expect(await fault('INSERT INTO own VALUES (2)')).toMatchObject({ code: '42501' });
    expect(await fault('INSERT INTO orders VALUES (2)')).toBeNull();
    expect(await fault('INSERT INTO own SELEC 1')).toBeNull();
    await database.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });

  it('keeps no text of a function', () => {
    expect(faultOf('38000', 'hush', null, null).message).toBe('refused by a function');
    expect(faultOf('P0001', 'refused by PL/pgSQL function f()', null, null).message).toBe(
      'refused by PL/pgSQL function f()',
    );
  });
});

const role = `failures_${process.pid}`;

describe('withoutValues', () => {
  it.each([
    [
      '22003',
      'value "3000000000" is out of range for type integer',
      'value … is out of range for type integer',
    ],
    [
      '22P02',
      'invalid input syntax for type json: "a": "b\nc"',
      'invalid input syntax for type json',
    ],
    [
      '22P02',
      'ungültige Eingabesyntax für Typ integer: »a«',
      'ungültige Eingabesyntax für Typ integer',
    ],
    ['22003', 'la valeur « 3 » est hors limites', 'la valeur … est hors limites'],
    ['22P02', '"a "b" c" is not a valid digit', '… is not a valid digit'],
    ['22P02', 'value "a\nb', 'value …'],
    [
      '22P05',
      'character with byte sequence 0xf0 0x9f 0xa6 0x89 in encoding "UTF8" has no equivalent in encoding "LATIN1"',
      'character with byte sequence … in encoding "UTF8" has no equivalent in encoding "LATIN1"',
    ],
    [
      '22021',
      'invalid byte sequence for encoding "UTF8": 0xe9 0x20',
      'invalid byte sequence for encoding "UTF8": …',
    ],
    [
      '23505',
      'duplicate key value violates unique constraint "k"',
      'duplicate key value violates unique constraint "k"',
    ],
  ])('%s %s', (state, message, kept) => {
    expect(withoutValues(state, message)).toBe(kept);
  });
});

describe('errors of the driver', () => {
  it.each([
    [new Error('The server does not support SSL connections'), 'config', 'tls', /TLS/],
    [withCode('DEPTH_ZERO_SELF_SIGNED_CERT'), 'config', 'tls', /SELF_SIGNED/],
    [withCode('ERR_INVALID_URL'), 'config', 'invalid_url', /url/],
    [withCode('ENOTFOUND', 'getaddrinfo'), 'transient', 'connection', /host.*ENOTFOUND/],
    [withCode('EHOSTDOWN', 'connect'), 'transient', 'connection', /EHOSTDOWN/],
    [new Error('Connection terminated unexpectedly'), 'transient', 'connection', /lost/],
  ])('%s', (error, kind, code, message) => {
    const failure = failureOf(error, 'shop');
    expect(failure).toMatchObject({ class: kind, code, connection: 'shop' });
    expect(failure.message).toMatch(message);
  });

  it('leaves an error of the program as it is', () => {
    const error = new TypeError('x is not a function');
    expect(failureOf(error, 'shop')).toBe(error);
  });
});

function withCode(code: string, syscall?: string): Error {
  return Object.assign(new Error('hush'), { code, ...(syscall !== undefined && { syscall }) });
}
