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

test('fields that only later records have are copied, or named where the destination lacks them (R8)', async () => {
  const { stack, crm } = bench;
  const people = Array.from({ length: 1200 }, (_, id): object => ({ id, name: `n${id}` }));
  const late: object[] = [
    { id: 1200, name: 'n', phone: '+49' },
    { id: 1201, name: 'n', fax: '1' },
    { id: 1202, name: 'n', mail: 'c', fax: null },
  ];
  await write('people.jsonl', [...people, ...late]);
  await stack.client.connections.put('files', { type: 'file', path: folder });
  await crm.query(`CREATE TABLE people (note text DEFAULT 'kept', phone text, id int PRIMARY KEY,
    name text, mail text)`);
  const source = { connection: 'files', stream: 'people.jsonl', key: 'id' };
  const people2 = { connection: 'crm', stream: 'public.people', key: 'id' };
  await putSync(stack, 'people', { source, destination: people2, mode: 'upsert' });
  const run = await runSync(stack, 'people');
  expectStats(run, { imported: 1203, created: 1201, errors: 2 });
  const { errors } = await stack.client.runs.errors(run.id);
  expect(errors.map(({ code, field }) => [code, field])).toEqual([
    ['unknown_field', 'fax'],
    ['unknown_field', 'fax'],
  ]);
  const kept = `SELECT string_agg(phone, ',') AS phones, count(mail) AS mails,
    count(*) FILTER (WHERE note = 'kept') AS noted FROM people`;
  expect(await crm.query(kept)).toEqual([{ phones: '+49', mails: '0', noted: '1201' }]);
  expectStats(await runSync(stack, 'people'), { imported: 1203, unchanged: 1201, errors: 2 });

  await crm.query('ALTER TABLE people ADD fax text');
  const retried = await finished(
    stack.client,
    (await stack.client.runs.act(run.id, 'retry-errors')).id,
  );
  expectStats(retried, { imported: 2, created: 2 });
  expect(await crm.query('SELECT fax, mail FROM people WHERE id > 1200 ORDER BY id')).toEqual([
    { fax: '1', mail: null },
    { fax: null, mail: 'c' },
  ]);

  const destination = { connection: 'files', stream: 'people.csv', key: 'id' };
  await writeFile(join(folder, 'people.csv'), 'id,own\n7,mine\n');
  await putSync(stack, 'to-csv', { source, destination, mode: 'upsert' });
  expectStats(await runSync(stack, 'to-csv'), { imported: 1203, created: 1202, updated: 1 });
  const lines = (await readFile(join(folder, 'people.csv'), 'utf8')).trimEnd().split('\n');
  expect([lines[0], lines[1], lines.at(-1)]).toEqual([
    'id,own,name,phone,fax,mail',
    '7,mine,n7,,,',
    '1202,,n,,,c',
  ]);
  expectStats(await runSync(stack, 'to-csv'), { imported: 1203, unchanged: 1203 });
});

async function write(name: string, records: readonly object[]): Promise<void> {
  const lines = records.map((record) => `${JSON.stringify(record)}\n`);
  await writeFile(join(folder, name), lines.join(''));
}

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
