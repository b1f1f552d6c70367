import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Bench, expectStats, putSync, runSync, tableSync } from '../support/bench.ts';
import { openNetworkBench } from '../support/network-bench.ts';
import { peakMegabytes } from '../support/memory.ts';
import { startStrictApi } from '../support/strict-api.ts';
import { historiesOf } from '../support/temporal-history.ts';

let bench: Bench;

beforeAll(async () => {
  bench = await openNetworkBench({
    near: async (_, target) => target,
    dynamicConfig: { 'limit.historyCount.suggestContinueAsNew': 30 },
  });
  // The values are incompressible, so that packing saves no memory.
  await bench.shop.query(`CREATE TABLE sizes (id text PRIMARY KEY, text text, seq int);
    INSERT INTO sizes SELECT n, '' , n FROM generate_series(1, 50) n;
    UPDATE sizes SET text = CASE seq WHEN 1 THEN '' WHEN 2 THEN 'x' WHEN 3 THEN repeat('k', 1000)
      WHEN 10 THEN repeat(md5('a'), 1 << 15) WHEN 20 THEN repeat(md5('b'), 15 << 15) WHEN 30 THEN repeat(md5('c'), 17 << 15)
      WHEN 40 THEN repeat(md5('d'), 50 << 15) WHEN 50 THEN repeat(md5('e'), 17 << 15) ELSE 'text ' || id END`);
});
afterAll(() => bench.close());

const large = ['30', '40', '50'];

test('rows of 0 B to 50 MB: those over 16 MiB are record errors by their keys, all others land', async () => {
  const { stack, shop, crm } = bench;
  await crm.query(`CREATE TABLE sizes (id text PRIMARY KEY, text text, seq int);
    INSERT INTO sizes VALUES ('30', 'there before', 0), ('60', 'not in the source', 0)`);
  await putSync(stack, 'sizes', tableSync('sizes', { mode: 'mirror' }));
  const run = await runSync(stack, 'sizes');
  expectStats(run, { imported: 50, created: 47, errors: 3, removed: 1 });
  const { errors } = await stack.client.runs.errors(run.id);
  expect(errors.map(({ key, code }) => [key, code])).toEqual(
    large.map((key) => [key, 'too_large']),
  );
  const sum = `SELECT string_agg(id || ' ' || md5(text) || seq, ',' ORDER BY id) FROM sizes WHERE id NOT IN ('30', '40', '50')`;
  expect(await crm.value(sum)).toBe(await shop.value(sum));
  expect(await crm.value(`SELECT text FROM sizes WHERE id = '30'`)).toBe('there before');
});

test('the same by an expression, and to an API', async () => {
  const { stack, crm } = bench;
  await crm.query(`CREATE TABLE lengths (id text PRIMARY KEY, length int)`);
  const fields = { length: { expr: 'size(text)' } };
  const to = { destination: { stream: 'public.lengths' } };
  await putSync(stack, 'lengths', tableSync('sizes', { ...to, fields }));
  expectStats(await runSync(stack, 'lengths'), { imported: 50, created: 47, errors: 3 });
  expect(await crm.value(`SELECT sum(length) FROM lengths WHERE id IN ('10', '20')`)).toBe(
    String(16 << 20),
  );

  const api = await startStrictApi();
  const contacts = {
    key: 'email',
    id: 'id',
    create: { path: '/contacts' },
    update: { path: '/contacts/{key}' },
  };
  await stack.client.connections.put('api', { type: 'http', url: api.url, streams: { contacts } });
  await putSync(stack, 'api_sizes', {
    source: { connection: 'shop', stream: 'public.sizes', key: 'id' },
    destination: { connection: 'api', stream: 'contacts', key: 'email' },
    mode: 'upsert',
    fields: { text: 'text', seq: 'seq' },
    where: 'id != "20"',
  });
  const run = await runSync(stack, 'api_sizes');
  expectStats(run, { imported: 50, created: 46, errors: 3, skipped: 1 });
  const { errors } = await stack.client.runs.errors(run.id);
  expect(errors.map(({ key, code }) => [key, code])).toEqual(
    large.map((key) => [key, 'too_large']),
  );
  expect(api.log).toHaveLength(46);
  await api.close();
  for (const pid of stack.workerPids()) expect(peakMegabytes(pid)).toBeLessThan(512);
});

test('a long run continues as new: exact, every event small', async () => {
  const { stack, shop } = bench;
  const rows = 40_000;
  await shop.query(`CREATE TABLE many AS SELECT n AS id, md5(n::text) AS name FROM generate_series(1, ${rows}) n;
    ALTER TABLE many ADD PRIMARY KEY (id)`);
  await stack.client.connections.put('files', { type: 'file', path: stack.dataDir });
  await putSync(stack, 'many', {
    source: { connection: 'shop', stream: 'public.many', key: 'id' },
    destination: { connection: 'files', stream: 'many.jsonl', key: 'id' },
    mode: 'create',
  });
  expectStats(await runSync(stack, 'many'), { imported: rows, created: rows });
  const histories = await historiesOf(stack, 'many');
  expect(histories.length).toBeGreaterThan(1);
  for (const { events, largest } of histories) {
    expect(events).toBeLessThan(200);
    expect(largest).toBeLessThan(16 << 10);
  }
});
