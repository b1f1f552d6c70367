import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createDatabase, type Database as TestDatabase } from '../../../test/support/database.ts';
import { migrate, openDatabase, type Database } from '../database/database.ts';
import { createKeyRing } from '../sealing/key-ring.ts';
import { openSeal } from '../sealing/seal.ts';
import { createStore, type Store } from '../store.ts';
import { SupersededError } from './fencing.ts';

let made: TestDatabase;
let db: Database;
let store: Store;
beforeEach(async () => {
  made = await createDatabase('jobs');
  db = openDatabase(made.url);
  await migrate(db);
  store = createStore(db, await openSeal(db, createKeyRing([randomBytes(32)])));
  await made.query(
    `INSERT INTO runs (id, sync, mode, options, spec) VALUES ('run', 'sync', 'upsert', '{}', '{}')`,
  );
  await store.chunks.claim('run', 0, 1);
});
afterEach(async () => {
  await db.destroy();
  await made.drop();
});

const owner = { run: 'run', no: 0, token: 1 };

test('a job is known from before it is submitted until it is done, and its reference is sealed', async () => {
  const { jobs } = store;
  await jobs.announce(owner, 0, 'export', 'run-0-0');
  const announced = { part: 0, submission: 'run-0-0', reference: null, done: false };
  expect(await jobs.list('run', 0, 'export')).toMatchObject([announced]);
  await jobs.submitted(owner, 0, 'export', 'theirs');
  await jobs.done(owner, 0, 'export');
  const done = { ...announced, reference: 'theirs', done: true };
  expect(await jobs.list('run', 0, 'export')).toMatchObject([done]);
  expect(await jobs.list('run', 0, 'import')).toEqual([]);
  expect(await made.value(`SELECT position('theirs'::bytea in reference) FROM jobs`)).toBe('0');
});

test('an attempt that has lost its chunk notes nothing of a job (R6)', async () => {
  const { jobs, chunks } = store;
  await jobs.announce(owner, 0, 'export', 'run-0-0');
  await chunks.claim('run', 0, 2);
  for (const late of [
    () => jobs.announce(owner, 1, 'export', 'run-0-1'),
    () => jobs.submitted(owner, 0, 'export', 'theirs'),
    () => jobs.withdraw(owner, 0, 'export'),
    () => jobs.lost(owner, 0, 'export'),
    () => jobs.done(owner, 0, 'export'),
  ])
    await expect(late()).rejects.toThrow(SupersededError);
  expect(await jobs.list('run', 0, 'export')).toMatchObject([{ reference: null, done: false }]);
});

test('what a run has staged stays for a chunk whose job is under way, until that is known to be over', async () => {
  const { jobs, chunks, journal } = store;
  await chunks.claim('run', 1, 1);
  for (const no of [0, 1]) {
    await journal.write({ ...owner, no }, { entries: [{ seq: 0, outcome: null }] });
    await jobs.announce({ ...owner, no }, 0, 'export', `run-${no}-0`);
  }
  await jobs.done({ ...owner, no: 1 }, 0, 'export');
  expect(await underWay()).toEqual({ run: true, chunks: [true, false], sync: true });
  await chunks.cleanUp('run');
  expect((await journal.read('run', 0)).length).toBe(1);
  expect((await journal.read('run', 1)).length).toBe(0);
  await jobs.giveUp('run');
  expect(await underWay()).toEqual({ run: false, chunks: [false, false], sync: false });
  await chunks.cleanUp('run');
  expect((await journal.read('run', 0)).length).toBe(0);
  expect(await jobs.list('run', 0, 'export')).toEqual([]);
});

test('an export of a source writes nothing, and one that is lost has no reference any more', async () => {
  const { jobs } = store;
  await jobs.announce(owner, 0, 'import', 'run-read');
  expect(await underWay()).toEqual({ run: false, chunks: [false, false], sync: false });
  await jobs.submitted(owner, 0, 'import', 'theirs');
  await jobs.lost(owner, 0, 'import');
  expect(await jobs.list('run', 0, 'import')).toMatchObject([{ reference: null, done: true }]);
});

/** What the store says of jobs that write: of the run, of its chunks 0 and 1, of its sync. */
async function underWay() {
  const { jobs } = store;
  return {
    run: await jobs.areUnderWay('run'),
    chunks: [await jobs.areUnderWay('run', 0), await jobs.areUnderWay('run', 1)],
    sync: await jobs.areWritingFor('sync'),
  };
}
