import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  expectStats,
  finished,
  openBench,
  putSync,
  runSync,
  type Bench,
} from '../support/bench.ts';
import { startStrictApi, type StrictApi } from '../support/strict-api.ts';

let bench: Bench;
let api: StrictApi;
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-files-'));
  api = await startStrictApi({
    token: 'api-secret',
    quota: { requests: 20, perMs: 1000 },
    poison: ['Poison'],
  });
  bench = await openBench();
});
afterAll(async () => {
  await bench.close();
  await api.close();
  await rm(folder, { recursive: true, force: true });
});

test('Postgres to a strict API: its quota is waited for, a refused record stands alone (R8, R9)', async () => {
  const { stack, shop } = bench;
  await stack.client.connections.put('api', {
    type: 'http',
    url: api.url,
    auth: { type: 'bearer', token: 'api-secret' },
    streams: {
      contacts: {
        key: 'email',
        id: 'id',
        lookup: {
          path: '/contacts/lookup',
          method: 'POST',
          batch: 50,
          body: { keys: '{keys}' },
          records: 'records',
        },
        create: { path: '/contacts' },
        update: { path: '/contacts/{key}' },
      },
    },
  });
  await shop.query(`CREATE TABLE customers (email text PRIMARY KEY, name text);
    INSERT INTO customers SELECT 'u' || n || '@x.org', CASE n WHEN 7 THEN 'Poison' ELSE 'U' || n END
    FROM generate_series(1, 100) n`);
  await putSync(stack, 'contacts', {
    source: { connection: 'shop', stream: 'public.customers', key: 'email' },
    destination: { connection: 'api', stream: 'contacts', key: 'email' },
    mode: 'upsert',
    fields: { full_name: 'name' },
  });
  const run = await runSync(stack, 'contacts');
  expectStats(run, { imported: 100, created: 99, errors: 1 });
  const { errors } = await stack.client.runs.errors(run.id);
  expect(errors.map(({ key }) => key)).toEqual(['u7@x.org']);
  expect(api.records.size).toBe(99);
  expect(api.records.get('u42@x.org')).toMatchObject({ email: 'u42@x.org', full_name: 'U42' });
  expect(api.log).toHaveLength(99);
  expect(api.stats().limited).toBeLessThan(20);

  await shop.query(`UPDATE customers SET name = 'Changed' WHERE email IN ('u1@x.org', 'u7@x.org')`);
  const again = await runSync(stack, 'contacts');
  expectStats(again, { imported: 100, created: 1, updated: 1, unchanged: 98 });
  expect(api.log).toHaveLength(101);
  expect(JSON.stringify([run, again, errors, stack.output()])).not.toContain('api-secret');
});

test('CSV to JSON lines', async () => {
  const { stack } = bench;
  const csv =
    'sku,name,price\nA1,"Ham, ""smoked""",1.10\nB2,"two\nlines",\nC3,ü 👩‍🚀,12345678901234567890\n';
  await writeFile(join(folder, 'goods.csv'), csv);
  await stack.client.connections.put('files', { type: 'file', path: folder });
  await putSync(stack, 'goods', {
    source: { connection: 'files', stream: 'goods.csv', key: 'sku' },
    destination: { connection: 'files', stream: 'goods.jsonl', key: 'sku' },
    mode: 'upsert',
  });
  expectStats(await runSync(stack, 'goods'), { imported: 3, created: 3 });
  const lines = (await readFile(join(folder, 'goods.jsonl'), 'utf8')).trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
    { sku: 'A1', name: 'Ham, "smoked"', price: '1.10' },
    { sku: 'B2', name: 'two\nlines', price: '' },
    { sku: 'C3', name: 'ü 👩‍🚀', price: '12345678901234567890' },
  ]);
  expectStats(await runSync(stack, 'goods'), { imported: 3, unchanged: 3 });
  await writeFile(join(folder, 'goods.csv'), csv.replace('two\nlines', 'one line'));
  expectStats(await runSync(stack, 'goods'), { imported: 3, updated: 1, unchanged: 2 });
});

test('a run into a file that is continued after a failure writes every record', async () => {
  const { stack } = bench;
  const rows = Array.from({ length: 20_000 }, (_, at) => `${at},x\n`).join('');
  await writeFile(join(folder, 'parts.csv'), `id,n\n${rows}z,"a"b\n`);
  await stack.client.connections.put('files', { type: 'file', path: folder });
  await putSync(stack, 'parts', {
    source: { connection: 'files', stream: 'parts.csv', key: 'id' },
    destination: { connection: 'files', stream: 'parts.jsonl', key: 'id' },
    mode: 'upsert',
  });
  const failed = await runSync(stack, 'parts');
  expect(failed).toMatchObject({ status: 'failed', failure: { code: 'malformed_file' } });
  expect(failed.stats.created).toBeGreaterThan(0);
  expect(await readdir(folder)).not.toContain('parts.jsonl');
  await writeFile(join(folder, 'parts.csv'), `id,n\n${rows}z,a b \n`);
  const { id } = await stack.client.runs.start('parts', { continueOf: failed.id });
  expectStats(await finished(stack.client, id), { imported: 20_001, created: 20_001 });
  const lines = (await readFile(join(folder, 'parts.jsonl'), 'utf8')).trimEnd().split('\n');
  expect(new Set(lines).size).toBe(20_001);
  expect((await readdir(folder)).filter((name) => name.startsWith('.'))).toEqual([]);
});
