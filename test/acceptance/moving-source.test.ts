import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBench, putSync, runSync, tableSync, type Bench } from '../support/bench.ts';
import { syncMoving } from '../support/moving-table.ts';
import { chance } from '../support/soak.ts';

let bench: Bench;

beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

test.each(['upsert', 'mirror'] as const)(
  '%s of a table that moves ends exact (R3, R7)',
  async (mode) => {
    const random = chance('moving', 7);
    const moved = await syncMoving(bench, `moving_${mode}`, { mode, random, forMs: 4000 });
    expect(moved).toMatchObject({ lost: 0, phantom: 0 });
    expect(moved.runs).toBeGreaterThan(1);
  },
);

test('late, equal and missing watermarks are not passed over; a lag reaches back further (R3)', async () => {
  const { stack, shop, crm } = bench;
  const table = 'CREATE TABLE late (id int PRIMARY KEY, at timestamptz)';
  await crm.query(table);
  await shop.query(`${table}; INSERT INTO late VALUES (1, now() - interval '1 h')`);
  const open = new Client({ connectionString: shop.url, options: '-c search_path=public' });
  await open.connect();
  await open.query('BEGIN; INSERT INTO late VALUES (2, now())');
  await shop.query(
    `INSERT INTO late SELECT 3, max(at) FROM late; INSERT INTO late VALUES (4, now())`,
  );
  await putSync(stack, 'late', tableSync('late', { source: { watermark: 'at' } }));
  await runSync(stack, 'late');
  await open.query('COMMIT');
  await open.end();
  await shop.query(
    `INSERT INTO late SELECT 5, max(at) FROM late; INSERT INTO late VALUES (6, NULL)`,
  );
  expect((await runSync(stack, 'late')).stats).toMatchObject({ created: 3 });
  expect(await crm.rows('late')).toEqual(await shop.rows('late'));

  await shop.query(`INSERT INTO late VALUES (7, now() - interval '10 min')`);
  expect((await runSync(stack, 'late')).stats).toMatchObject({ created: 0 });
  const source = { watermark: { field: 'at', lag: '20m' } };
  await putSync(stack, 'late', tableSync('late', { source }));
  const { stats } = await runSync(stack, 'late');
  expect(stats.created).toBe(1);
  // The row of an hour ago is not read: a lag does not start from the beginning.
  expect(stats.imported).toBeLessThan(7);

  await putSync(
    stack,
    'late',
    tableSync('late', { source: { watermark: { field: 'at', lag: 5 } } }),
  );
  const refused = await runSync(stack, 'late');
  expect(refused).toMatchObject({ status: 'failed', failure: { code: 'invalid_lag' } });
});

test('a source that moved back, as after a restore, is told of; a full run takes what it says now', async () => {
  const { stack, shop, crm } = bench;
  for (const db of [shop, crm])
    await db.query('CREATE TABLE restored (id int PRIMARY KEY, name text, version bigint)');
  await shop.query(`INSERT INTO restored SELECT n, 'n' || n, n FROM generate_series(1, 5) n`);
  await shop.query('UPDATE restored SET version = 1000 WHERE id = 1');
  await putSync(stack, 'restored', tableSync('restored', { source: { watermark: 'version' } }));
  await runSync(stack, 'restored');
  await shop.query(`UPDATE restored SET version = 1 WHERE id = 1;
    UPDATE restored SET name = 'after', version = 6 WHERE id = 2`);
  // As long as it is behind, every run says so: the position does not move back by itself, past changes that were missed.
  for (let time = 0; time < 2; time++)
    expect(await runSync(stack, 'restored')).toMatchObject({
      outcome: 'nothing_written',
      warnings: [{ code: 'source_moved_back' }],
    });
  const full = await runSync(stack, 'restored', { full: true });
  expect(full).toMatchObject({ stats: { updated: 2 }, warnings: [] });
  await shop.query(`UPDATE restored SET name = 'later', version = 7 WHERE id = 3`);
  expect(await runSync(stack, 'restored')).toMatchObject({ stats: { updated: 1 }, warnings: [] });
  expect(await crm.rows('restored')).toEqual(await shop.rows('restored'));
});
