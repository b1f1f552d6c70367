import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  expectBalanced,
  finished,
  openBench,
  putSync,
  tableSync,
  type Bench,
} from '../support/bench.ts';

let bench: Bench;

beforeAll(async () => {
  bench = await openBench();
  await bench.shop.query('CREATE TABLE due (id int PRIMARY KEY); INSERT INTO due VALUES (1)');
  await bench.crm.query('CREATE TABLE due (id int PRIMARY KEY)');
});
afterAll(() => bench.close());

test('a schedule runs the sync, skips ticks while a run is open, and goes with its sync', async () => {
  const { stack, crm } = bench;
  const { client } = stack;
  const schedule = { every: '2s' };
  // The destination delays the first run for some ticks.
  await crm.query(`CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(7); RETURN NULL; END $$;
    CREATE TRIGGER slow BEFORE INSERT ON due FOR EACH STATEMENT EXECUTE FUNCTION slow()`);
  await putSync(stack, 'due', tableSync('due', { schedule }));
  expect((await client.syncs.get('due')).scheduleState?.next).toBeTruthy();
  const ended = await eventually(async () => {
    const { runs } = await client.runs.list({ sync: 'due' });
    return runs.filter(({ status }) => status === 'completed').length >= 2 ? runs : undefined;
  });
  for (const run of ended) expectBalanced(run);
  expect(ended.at(-1)).toMatchObject({ stats: { created: 1 } });
  const state = (await client.syncs.get('due')).scheduleState;
  expect(state?.skippedTicks).toBeGreaterThanOrEqual(1);
  expect(state?.lastSkipped).toBeTruthy();

  await putSync(stack, 'due', tableSync('due'));
  expect((await client.syncs.get('due')).scheduleState).toBeNull();
  await sleep(1000);
  const before = (await client.runs.list({ sync: 'due' })).runs;
  for (const { id } of before) await finished(client, id);
  await sleep(5000);
  const after = (await client.runs.list({ sync: 'due' })).runs;
  expect(after.map(({ id }) => id)).toEqual(before.map(({ id }) => id));
});

async function eventually<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 100; tries++) {
    const found = await look();
    if (found !== undefined) return found;
    await sleep(300);
  }
  throw new Error('Not in time');
}
