import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  expectStats,
  finished,
  openBench,
  putSync,
  runSync,
  tableSync,
  until,
  type Bench,
  type PartialSync,
} from '../support/bench.ts';

let bench: Bench;

beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

test('a removal below the guard goes through', async () => {
  const { stack, shop, crm } = bench;
  await mirrored('small', 500);
  await shop.query('DELETE FROM small WHERE id <= 100');
  expectStats(await runSync(stack, 'small'), { imported: 400, unchanged: 400, removed: 100 });
  expect(await crm.rows('small')).toEqual(await shop.rows('small'));
});

test('a removal beyond the guard waits until it is approved (R7)', async () => {
  const { stack, shop, crm } = bench;
  await mirrored('guarded', 500);
  await shop.query('DELETE FROM guarded WHERE id <= 101');
  const paused = await pausedRun('guarded');
  expect(paused).toMatchObject({ phase: 'remove', removal: { remove: 101, of: 500 } });
  expect(await crm.value('SELECT count(*) FROM guarded')).toBe('500');
  await stack.client.runs.act(paused.id, 'approve');
  const run = await finished(stack.client, paused.id);
  expectStats(run, { imported: 399, unchanged: 399, removed: 101 });
  expect(await crm.rows('guarded')).toEqual(await shop.rows('guarded'));
});

test('an empty source waits, and a run that waits can be cancelled (R7)', async () => {
  const { stack, shop, crm } = bench;
  await mirrored('emptied', 5);
  await shop.query('DELETE FROM emptied');
  const paused = await pausedRun('emptied');
  expect(paused.removal).toEqual({ remove: 5, of: 5, reason: 'the source came back empty' });
  await stack.client.runs.act(paused.id, 'cancel');
  const run = await finished(stack.client, paused.id);
  expect(run).toMatchObject({ status: 'cancelled', stats: { removed: 0, imported: 0 } });
  expect(await crm.value('SELECT count(*) FROM emptied')).toBe('5');
});

test('a record takes the unique value of one that is removed, and no error of it is left', async () => {
  const { stack, shop, crm } = bench;
  await mirrored('handed', 5);
  for (const { query } of [shop, crm]) await query('CREATE UNIQUE INDEX ON handed (v)');
  await shop.query('UPDATE handed SET id = 6 WHERE id = 5');
  const run = await runSync(stack, 'handed');
  expectStats(run, { imported: 5, created: 1, unchanged: 4, removed: 1 });
  expect((await stack.client.runs.errors(run.id)).errors).toEqual([]);
  expect(await crm.rows('handed')).toEqual(await shop.rows('handed'));
});

test('scope tracked removes only what the sync itself has written', async () => {
  const { stack, shop, crm } = bench;
  await mirrored('tracked', 5, { removal: { scope: 'tracked' } });
  await crm.query(`INSERT INTO tracked VALUES (1000, 'by hand')`);
  await shop.query('DELETE FROM tracked WHERE id = 5');
  expectStats(await runSync(stack, 'tracked'), { imported: 4, unchanged: 4, removed: 1 });
  expect(await crm.value('SELECT array_agg(id ORDER BY id) FROM tracked')).toBe('{1,2,3,4,1000}');
});

/** Makes a table of `count` rows on both sides, written by the mirror of the same name. */
async function mirrored(name: string, count: number, more: PartialSync = {}): Promise<void> {
  const { stack, shop, crm } = bench;
  const table = `CREATE TABLE ${name} (id int PRIMARY KEY, v text)`;
  await crm.query(table);
  await shop.query(
    `${table}; INSERT INTO ${name} SELECT n, 'v' || n FROM generate_series(1, ${count}) n`,
  );
  await putSync(stack, name, tableSync(name, { mode: 'mirror', ...more }));
  expectStats(await runSync(stack, name), { imported: count, created: count });
}

async function pausedRun(sync: string) {
  const { client } = bench.stack;
  const { id } = await client.runs.start(sync);
  const run = await until(client, id, ({ status }) => !['pending', 'running'].includes(status));
  expect(run.status).toBe('paused');
  return until(client, id, ({ removal }) => removal !== null);
}
