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
