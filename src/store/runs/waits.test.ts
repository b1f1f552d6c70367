import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createDatabase, type Database as TestDatabase } from '../../../test/support/database.ts';
import { migrate, openDatabase, type Database } from '../database/database.ts';
import { createKeyRing } from '../sealing/key-ring.ts';
import { openSeal } from '../sealing/seal.ts';
import { Runs } from './runs.ts';

let made: TestDatabase;
let db: Database;
let runs: Runs;
beforeEach(async () => {
  made = await createDatabase('waits');
  db = openDatabase(made.url);
  await migrate(db);
  runs = new Runs(db, await openSeal(db, createKeyRing([randomBytes(32)])));
  await made.query(
    `INSERT INTO runs (id, sync, mode, options, spec) VALUES ('run', 'sync', 'upsert', '{}', '{}')`,
  );
});
afterEach(async () => {
  await db.destroy();
  await made.drop();
});

const waits = () => made.value(`SELECT waiting_until IS NOT NULL FROM runs`);
const inMs = (ms: number) => new Date(Date.now() + ms);

test('a wait that has left its worker stays told while other steps succeed, one within it does not (R9)', async () => {
  await runs.waitUntil('run', inMs(10_000));
  await runs.recovered('run');
  expect(await waits()).toBe('f');
  await runs.waitUntil('run', inMs(3_600_000));
  await runs.failing('run');
  await runs.recovered('run');
  expect(await waits()).toBe('t');
  expect(await made.value(`SELECT failing_since IS NULL FROM runs`)).toBe('t');
});

test('who does not know what the run waits for leaves a long wait alone', async () => {
  await runs.waitUntil('run', inMs(10_000));
  await runs.waitUntil('run', null, false);
  expect(await waits()).toBe('f');
  await runs.waitUntil('run', inMs(3_600_000));
  await runs.waitUntil('run', null, false);
  expect(await waits()).toBe('t');
  await runs.waitUntil('run', null);
  expect(await waits()).toBe('f');
});
