import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDatabase, type Database } from '../../../../test/support/database.ts';
import { columnNamed, relationOf } from '../catalog/catalog.ts';
import { testSession, type TestSession } from '../testing/session.ts';
import { watermarkOf } from './watermark.ts';

let database: Database;
let session: TestSession;

beforeAll(async () => {
  database = await createDatabase('marks');
  session = testSession(database.url);
});
afterAll(async () => {
  await session?.close();
  await database?.drop();
});

it.each(['timestamptz', 'timestamp'])(
  'a %s stays before a transaction that is prepared to be committed',
  async (type) => {
    await database.query(
      `DROP TABLE IF EXISTS parts; CREATE TABLE parts (id int, w ${type} DEFAULT now())`,
    );
    await database.query(`BEGIN; INSERT INTO parts VALUES (1); PREPARE TRANSACTION 'part'`);
    try {
      await database.query(`INSERT INTO parts VALUES (2, now() + interval '1 hour')`);
      const relation = await relationOf(session, 'parts');
      const watermark = watermarkOf('shop', relation, columnNamed(relation, 'w', 'shop'));
      const high = await watermark.highest(session);
      const settled = await watermark.settled(session, high ?? '');
      expect(settled.ahead).toBe(false);
      await database.query(`COMMIT PREPARED 'part'`);
      expect(
        await database.value(`SELECT w >= '${settled.watermark}'::${type} FROM parts WHERE id = 1`),
      ).toBe('t');
    } finally {
      await database.query(`ROLLBACK PREPARED 'part'`).catch(() => undefined);
    }
  },
);
