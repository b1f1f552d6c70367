import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDatabase, type Database } from '../../../../test/support/database.ts';
import { findSluiceTables } from './sluice-tables.ts';
import { relationOf } from './catalog.ts';
import { discover } from './discover.ts';
import { ident, splitStream } from './names.ts';
import type { Session } from '../link/session.ts';
import { testSession, type TestSession } from '../testing/session.ts';

const tables = [
  ['public', 'Weird Table'],
  ['public', 'a.b'],
  ['public', `it's "x"`],
  ['public', '"quoted"'],
  ['my.schema', 't'],
  ['my.schema', 'u.v'],
  ['say "hi".now', 't'],
  ['two', 'dots.t'],
  ['two.dots', 't'],
] as const;

let database: Database;
let session: TestSession;

beforeAll(async () => {
  database = await createDatabase('names');
  for (const [schema, table] of tables)
    await database.query(`CREATE SCHEMA IF NOT EXISTS ${ident(schema)};
      CREATE TABLE ${ident(schema)}.${ident(table)} (id int PRIMARY KEY)`);
  session = testSession(database.url);
});
afterAll(async () => {
  await session?.close();
  await database?.drop();
});

it('a stream is written as it is or as in SQL; the schema ends at the first dot, unless only another reading exists', async () => {
  expect(await meaning('Weird Table')).toBe('"public"."Weird Table"');
  expect(await meaning('public."Weird Table"')).toBe('"public"."Weird Table"');
  expect(await meaning('"Weird Table"')).toBe('"public"."Weird Table"');
  expect(await meaning('public.a.b')).toBe('"public"."a.b"');
  expect(await meaning(`public.it's "x"`)).toBe(`"public"."it's ""x"""`);
  expect(await meaning('public."quoted"')).toBe('"public"."""quoted"""');
  for (const stream of ['my.schema.t', '"my.schema".t', '"my.schema"."t"'])
    expect(await meaning(stream)).toBe('"my.schema"."t"');
  expect(await meaning('"my.schema".u.v')).toBe('"my.schema"."u.v"');
  expect(await meaning('two.dots.t')).toBe('"two"."dots.t"');
  expect(await meaning('"two.dots".t')).toBe('"two.dots"."t"');
  await expect(meaning('my.schema.x')).rejects.toMatchObject({ code: 'unknown_stream' });
});

it('every stream that is discovered is known by its name', async () => {
  const names = (await discover(session)).map(({ name }) => name);
  const found = await Promise.all(names.map((name) => relationOf(session, name)));
  const all = tables.map(([schema, table]) => `${ident(schema)}.${ident(table)}`);
  expect(found.map(({ from }) => from).toSorted()).toEqual(all.toSorted());
});

it('Sluice’s own tables stand beside the table that was meant', async () => {
  const role = `names_${process.pid}`;
  await database.query(
    `CREATE ROLE ${role} LOGIN; GRANT CREATE, USAGE ON SCHEMA "my.schema" TO ${role}`,
  );
  const sluiceTables = await session.withClient(async (client) => {
    await client.query(`SET SESSION AUTHORIZATION ${role}`);
    const own = { query: (sql: string, values: unknown[]) => session.run(client, sql, values) };
    const found = await findSluiceTables(own as unknown as Session, 'my.schema.t');
    await client.query('RESET SESSION AUTHORIZATION');
    return found;
  });
  expect(sluiceTables?.marker).toBe('"my.schema"."_sluice_marker"');
  await database.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
});

it('a stream that does not exist yet is named as in SQL', () => {
  expect(splitStream('t')).toEqual({ schema: 'public', table: 't' });
  expect(splitStream('shop.a.b')).toEqual({ schema: 'shop', table: 'a.b' });
  expect(splitStream('"my.schema"."say ""hi"""')).toEqual({
    schema: 'my.schema',
    table: 'say "hi"',
  });
  expect(splitStream(`it's "x"`)).toEqual({ schema: 'public', table: `it's "x"` });
});

async function meaning(stream: string): Promise<string> {
  return (await relationOf(session, stream)).from;
}
