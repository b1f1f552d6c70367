import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDatabase, type Database } from '../../../../test/support/database.ts';
import { fieldOf, relationOf } from './catalog.ts';
import { discover } from './discover.ts';
import { testSession, type TestSession } from '../testing/session.ts';

let database: Database;
let session: TestSession;

beforeAll(async () => {
  database = await createDatabase('discover');
  await database.query(`CREATE DOMAIN money_amount AS numeric(10,2) NOT NULL;
    CREATE DOMAIN price AS money_amount;
    CREATE TYPE mood AS ENUM ('sad', 'ok');
    CREATE TABLE wide (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a price, b mood, c text[], d varchar(9) NOT NULL,
      e jsonb, f uuid, g timestamptz, double_id bigint GENERATED ALWAYS AS (2) STORED);
    CREATE TABLE parent (id int NOT NULL); CREATE TABLE child () INHERITS (parent);
    CREATE VIEW seen AS SELECT a, d FROM wide`);
  session = testSession(database.url);
});
afterAll(async () => {
  await session?.close();
  await database?.drop();
});

it('discovery tells of each field what opening its stream does, domains and inherited tables included', async () => {
  const streams = await discover(session);
  expect(streams.map(({ name }) => name)).toEqual([
    'public.child',
    'public.parent',
    'public.seen',
    'public.wide',
  ]);
  for (const { name, fields } of streams)
    expect(fields).toEqual((await relationOf(session, name)).columns.map(fieldOf));
  const wide = streams.find(({ name }) => name === 'public.wide');
  expect(wide?.fields[1]).toMatchObject({ name: 'a', type: 'decimal', native: 'price' });
});
