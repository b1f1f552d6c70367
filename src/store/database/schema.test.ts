import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDatabase, type Database as TestDatabase } from '../../../test/support/database.ts';
import { migrate, openDatabase, type Database } from './database.ts';
import { tables } from './schema.ts';

let made: TestDatabase;
let db: Database;

beforeAll(async () => {
  made = await createDatabase('schema');
  db = openDatabase(made.url);
  await migrate(db);
});
afterAll(async () => {
  await db.destroy();
  await made.drop();
});

test('the declared tables and columns are those that the migrations make', async () => {
  const { rows } = await sql<{ column: string; type: string; nullable: boolean; has: boolean }>`
    select table_name || '.' || column_name as column, data_type as type, is_nullable = 'YES' as nullable,
      column_default is not null or is_identity = 'YES' as has
    from information_schema.columns where table_schema = 'public' and table_name not like 'kysely%'`.execute(
    db,
  );
  const actual = rows.map(({ column, type, nullable, has }) => [
    column,
    { type, nullable, hasDefault: has },
  ]);
  const declared = Object.entries(tables).flatMap(([table, columns]) =>
    Object.entries(columns).map(([column, kind]) => [`${table}.${column}`, kind]),
  );
  expect(Object.fromEntries(declared)).toEqual(Object.fromEntries(actual));
  expect(declared.length).toBeGreaterThan(100);
});
