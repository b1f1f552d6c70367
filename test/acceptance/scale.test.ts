import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  expectStats,
  openBench,
  putSync,
  runSync,
  tableSync,
  type Bench,
} from '../support/bench.ts';
import { peakMegabytes } from '../support/memory.ts';
import { historyLength } from '../support/temporal-history.ts';

const rows = 500_000;
let bench: Bench | undefined;

beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench?.close());

test('half a million rows: exact, in bounded memory and few events', async () => {
  if (bench === undefined) throw new Error('not started');
  const { stack, shop, crm } = bench;
  const columns = 'id int PRIMARY KEY, email text, name text, amount numeric, at timestamptz';
  await shop.query(`CREATE TABLE big (${columns})`);
  await crm.query(`CREATE TABLE big (${columns})`);
  await shop.query(`INSERT INTO big SELECT n, 'user' || n || '@example.com', md5(n::text), n / 7.0,
    timestamptz '2026-01-01' + n * interval '1 s' FROM generate_series(1, ${rows}) n`);
  await putSync(stack, 'big', tableSync('big'));

  expectStats(await runSync(stack, 'big'), { imported: rows, created: rows });
  const sum = `SELECT count(*) || ' ' || sum(hashtextextended(t::text, 0)) FROM big t`;
  expect(await crm.value(sum)).toBe(await shop.value(sum));
  expect(await historyLength(stack, 'big')).toBeLessThanOrEqual(400);
  for (const pid of stack.workerPids()) expect(peakMegabytes(pid)).toBeLessThan(512);
  expect(stack.workerPids()).toHaveLength(1);
}, 180_000);
