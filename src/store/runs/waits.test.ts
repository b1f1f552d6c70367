import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createDatabase, type Database as TestDatabase } from '../../../test/support/database.ts';
import { migrate, openDatabase, type Database } from '../database/database.ts';
import { createKeyRing } from '../sealing/key-ring.ts';
import { openSeal } from '../sealing/seal.ts';
import { RunProgress } from './run-progress.ts';

let made: TestDatabase;
let db: Database;
let progress: RunProgress;
beforeEach(async () => {
  made = await createDatabase('waits');
  db = openDatabase(made.url);
  await migrate(db);
  progress = new RunProgress(db, await openSeal(db, createKeyRing([randomBytes(32)])));
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
  await progress.waitUntil('run', inMs(10_000));
  await progress.recovered('run');
  expect(await waits()).toBe('f');
  await progress.waitUntil('run', inMs(3_600_000));
  await progress.failing('run');
  await progress.recovered('run');
  expect(await waits()).toBe('t');
  expect(await made.value(`SELECT failing_since IS NULL FROM runs`)).toBe('t');
});

test('who does not know what the run waits for leaves a long wait alone', async () => {
  await progress.waitUntil('run', inMs(10_000));
  await progress.waitUntil('run', null, false);
  expect(await waits()).toBe('f');
  await progress.waitUntil('run', inMs(3_600_000));
  await progress.waitUntil('run', null, false);
  expect(await waits()).toBe('t');
  await progress.waitUntil('run', null);
  expect(await waits()).toBe('f');
});
