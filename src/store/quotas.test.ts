import { afterEach, beforeEach, expect, test } from 'vitest';
import { createDatabase, type Database as TestDatabase } from '../../test/support/database.ts';
import { migrate, openDatabase, type Database } from './database/database.ts';
import { Quotas, type QuotaKind } from './quotas.ts';

let made: TestDatabase;
let db: Database;
beforeEach(async () => {
  made = await createDatabase('quotas');
  db = openDatabase(made.url);
  await migrate(db);
});
afterEach(async () => {
  await db.destroy();
  await made.drop();
});

async function add(quotas: Quotas, connection: string, kind?: QuotaKind): Promise<number> {
  const { result } = await quotas.change<{ n: number }, number>(
    connection,
    (before) => {
      const n = (before?.n ?? 0) + 1;
      return { state: { n }, result: n };
    },
    kind,
  );
  return result;
}

test('changes at the same time all count, and the two states of a connection are apart', async () => {
  const workers = [new Quotas(db), new Quotas(db)];
  const both = Array.from({ length: 20 }, (_, n) =>
    add(workers[n % 2] ?? new Quotas(db), 'api', n < 10 ? 'pace' : 'long'),
  );
  await Promise.all(both);
  expect(await add(new Quotas(db), 'api')).toBe(11);
  expect(await add(new Quotas(db), 'api', 'long')).toBe(11);
  expect(await add(new Quotas(db), 'other', 'long')).toBe(1);
});

test('a crash of the database may take paces, and no count of a long window', async () => {
  const persistence = await made.query(
    `SELECT relname, relpersistence FROM pg_class WHERE relname IN ('quotas', 'long_windows') ORDER BY 1`,
  );
  expect(persistence).toEqual([
    { relname: 'long_windows', relpersistence: 'p' },
    { relname: 'quotas', relpersistence: 'u' },
  ]);
});
