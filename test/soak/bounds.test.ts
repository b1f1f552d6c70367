import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectStats, putSync, runSync, tableSync, type Bench } from '../support/bench.ts';
import { peakMegabytes } from '../support/memory.ts';
import { openNetworkBench } from '../support/network-bench.ts';
import { rounds } from '../support/soak.ts';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { historiesOf } from '../support/temporal-history.ts';

const rows = rounds(5_000_000);
let bench: Bench;
let crm: TcpProxy;

beforeAll(async () => {
  bench = await openNetworkBench({
    near: async (name, target) => {
      if (name !== 'crm') return target;
      crm = await startProxy(target);
      return crm.address;
    },
    dynamicConfig: { 'limit.historyCount.suggestContinueAsNew': 100 },
    limits: { timeout: '1m', statementTimeout: '10m' },
  });
});
afterAll(() => bench.close());

test('millions of rows: exact, in flat memory, in short histories of small events', async () => {
  const { stack, shop, crm: to } = bench;
  const columns = 'id int PRIMARY KEY, email text, name text, amount numeric, at timestamptz';
  await shop.query(`CREATE TABLE big (${columns}); INSERT INTO big SELECT n, 'user' || n || '@example.com',
    md5(n::text), n / 7.0, timestamptz '2026-01-01' + n * interval '1 s' FROM generate_series(1, ${rows}) n`);
  await to.query(`CREATE TABLE big (${columns})`);
  await putSync(stack, 'big', tableSync('big'));
  const began = Date.now();
  expectStats(await run('big'), { imported: rows, created: rows });
  console.log(`${rows} rows in ${Math.round((Date.now() - began) / 1000)} s`);
  const sum = `SELECT count(*) || ' ' || sum(hashtextextended(t::text, 0)) FROM big t`;
  expect(await to.value(sum)).toBe(await shop.value(sum));
  await small('big');
});

test('a slow destination, wide rows: the source waits, memory stays flat', async () => {
  const { stack, shop, crm: to } = bench;
  const wide = rounds(20_000);
  await shop.query(`CREATE TABLE wide AS SELECT n AS id, string_agg(md5(n::text || i), '') AS text
    FROM generate_series(1, ${wide}) n, generate_series(1, 500) i GROUP BY n; ALTER TABLE wide ADD PRIMARY KEY (id)`);
  await to.query('CREATE TABLE wide (id int PRIMARY KEY, text text)');
  await putSync(stack, 'wide', tableSync('wide'));
  crm.slow(8 << 20);
  expectStats(await run('wide'), { imported: wide, created: wide });
  crm.pass();
  expect(await to.value('SELECT count(*) FROM wide')).toBe(String(wide));
  await small('wide');
});

async function run(sync: string) {
  const result = await runSync(bench.stack, sync, {}, 1_800_000);
  const [pid = 0] = bench.stack.workerPids();
  console.log(`${sync}: worker at most ${Math.round(peakMegabytes(pid))} MB`);
  expect(peakMegabytes(pid)).toBeLessThan(512);
  return result;
}

async function small(sync: string): Promise<void> {
  const histories = await historiesOf(bench.stack, sync);
  const events = Math.max(...histories.map((each) => each.events));
  const largest = Math.max(...histories.map((each) => each.largest));
  console.log(
    `${sync}: ${histories.length} executions, at most ${events} events, largest ${largest} B`,
  );
  expect(events).toBeLessThan(300);
  expect(largest).toBeLessThan(256 << 10);
}
