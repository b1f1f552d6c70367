import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDatabase, type Database as Made } from '../../../test/support/database.ts';
import { migrate, openDatabase, type Database } from '../database/database.ts';
import { RefusedRecords } from './refused-records.ts';

let made: Made;
let db: Database;
let refused: RefusedRecords;

beforeAll(async () => {
  made = await createDatabase('refused');
  db = openDatabase(made.url);
  await migrate(db);
  refused = new RefusedRecords(db);
  await sql`insert into entity_records (entity, id, seq, cycle, data, created_at, updated_at)
    select 1, n, n * 10, 1, '', now(), now() from generate_series(1, 4) n`.execute(db);
});
afterAll(async () => {
  await db.destroy();
  await made.drop();
});

const of = (run: string) => ({ entity: 1, destination: 'out', run });
const waits = (): Promise<{ minutes: string | null }[]> =>
  made.query(
    `SELECT record || ':' || tries || ':' || round(extract(epoch from due - now()) / 60) AS minutes
     FROM entity_refused ORDER BY record`,
  ) as Promise<{ minutes: string | null }[]>;

test('tries follow each other for a while, then wait twice as long each time, a day at the most', async () => {
  await refused.note(of('r0'), ['1', '1'], db);
  await refused.note(of('r0'), ['1'], db);
  for (let run = 1; run < 10; run++) await refused.note(of(`r${run}`), ['1'], db);
  expect(await waits()).toEqual([{ minutes: '1:10:0' }]);
  expect(await refused.due(1, ['out'], 10)).toEqual(['1']);
  await refused.note(of('r10'), ['1'], db);
  await refused.note(of('r11'), ['1'], db);
  expect(await waits()).toEqual([{ minutes: '1:12:2' }]);
  expect(await refused.due(1, ['out'], 10)).toEqual([]);
  for (let run = 12; run < 60; run++) await refused.note(of(`r${run}`), ['1'], db);
  expect(await waits()).toEqual([{ minutes: '1:60:1440' }]);
});

test('a run forgets what it delivered or found gone; then the destination may take the others, too', async () => {
  await refused.note(of('before'), ['2', '3', '4', '99'], db);
  await refused.note({ ...of('before'), destination: 'other' }, ['2'], db);
  // It read the changes 15 to 30, delivered record 2, and refused record 3 again.
  await refused.note(of('now'), ['3'], db);
  await refused.settle(of('now'), { since: '15', until: '30' });
  expect(await waits()).toEqual([
    { minutes: '1:60:0' },
    { minutes: '2:1:0' },
    { minutes: '3:2:0' },
    { minutes: '4:1:0' },
  ]);
  expect(await refused.due(1, ['out'], 2)).toHaveLength(2);
  expect(await refused.due(1, ['gone'], 2)).toEqual([]);
});
