import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  expectStats,
  openBench,
  putSync,
  runSync,
  tableSync,
  type Bench,
} from '../support/bench.ts';
import { auditTable, expectTidy, queryState } from '../support/oracle.ts';
import { startStrictApi, type StrictApi } from '../support/strict-api.ts';
import { recordHistory } from '../support/temporal-history.ts';

const main = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
let bench: Bench;
let api: StrictApi;

beforeAll(async () => {
  [bench, api] = await Promise.all([openBench(), startStrictApi()]);
});
afterAll(async () => {
  await bench.close();
  await api.close();
});

test('a table: what would be created, updated field by field, removed and refused, and nothing is done', async () => {
  const { stack, shop, crm } = bench;
  await shop.query(`CREATE TABLE stock (id int PRIMARY KEY, label text, price text, seq int);
    INSERT INTO stock VALUES (1, 'same', '1.00', 1), (2, 'renamed-canary', '2.50', 2), (3, 'new', '3', 3),
      (4, 'bad', 'not a number', 4)`);
  await crm.query(`CREATE TABLE stock (id int PRIMARY KEY, label text, price numeric, no serial);
    INSERT INTO stock VALUES (1, 'same', 1.00), (2, 'old', 2.50), (7000007, 'gone', 7), (8000008, 'gone', 8)`);
  const audit = await auditTable(crm, 'stock', { seq: 'label' });
  await putSync(
    stack,
    'stock',
    tableSync('stock', {
      source: { watermark: 'seq' },
      mode: 'mirror',
      removal: { guard: { records: 1, fraction: 0.1 } },
      fields: { label: 'label', price: 'price' },
    }),
  );
  const before = await crm.rows('stock');
  const run = await runSync(stack, 'stock', { dryRun: true });
  expectStats(run, { imported: 4, created: 1, updated: 1, unchanged: 1, errors: 1, removed: 2 });
  expect(run.preview).toEqual({
    canRead: true,
    reason: null,
    changes: [
      {
        operation: 'update',
        key: '2',
        fields: [{ field: 'label', before: 'old', after: 'renamed-canary' }],
      },
      {
        operation: 'create',
        key: '3',
        fields: [
          { field: 'label', before: null, after: 'new' },
          { field: 'price', before: null, after: '3' },
        ],
      },
    ],
    removal: { remove: 2, of: 4, needsApproval: true, keys: ['7000007', '8000008'] },
  });
  const { errors } = await stack.client.runs.errors(run.id);
  expect(errors).toMatchObject([{ key: '4', code: '22P02' }]);

  expect(await crm.rows('stock')).toEqual(before);
  expect(await audit.changes()).toEqual([]);
  expect(await crm.value(`SELECT last_value FROM stock_no_seq`)).toBe('4');
  expect(run.watermark).toBeNull();
  expect(await queryState(stack, 'SELECT 1 FROM watermarks')).toEqual([]);
  await expectTidy(stack, run.id, crm);
  // R1: the values are where they belong and nowhere else.
  const history = Buffer.from(await recordHistory(stack, 'sync/stock')).toString('latin1');
  expect(history).not.toContain('canary');
  expect(history).not.toContain('7000007');
  expect(JSON.stringify((await stack.client.runs.list()).runs)).not.toContain('canary');
  const [row] = await queryState(
    stack,
    `SELECT string_agg(encode(data, 'escape'), '') AS t FROM previews`,
  );
  expect(row?.['t']).not.toContain('canary');

  const next = await runSync(stack, 'stock', { dryRun: true });
  expect(next.preview?.changes).toHaveLength(2);
  expect((await stack.client.runs.get(run.id)).preview).toBeUndefined();
});

test('an API that can be read: the differing fields; one that cannot says so', async () => {
  const { stack, shop } = bench;
  await shop.query(`CREATE TABLE people (email text PRIMARY KEY, name text, plan text);
    INSERT INTO people VALUES ('a@x', 'Ann', 'pro'), ('b@x', 'Bob', 'pro'), ('c@x', 'Cy', 'pro')`);
  api.records.set('a@x', { id: '1', email: 'a@x', full_name: 'Ann', plan: 'pro' });
  api.records.set('b@x', { id: '2', email: 'b@x', full_name: 'Rob', plan: 'pro' });
  const calls = { create: { path: '/contacts' }, update: { path: '/contacts/{key}' } };
  const lookup = {
    path: '/contacts/lookup',
    method: 'POST',
    batch: 50,
    body: { keys: '{keys}' },
    records: 'records',
  };
  for (const [name, more] of [
    ['readable', { lookup }],
    ['blind', {}],
  ] as const) {
    await stack.client.connections.put(name, {
      type: 'http',
      url: api.url,
      streams: { contacts: { key: 'email', id: 'id', ...calls, ...more } },
    });
    await putSync(stack, name, {
      source: { connection: 'shop', stream: 'public.people', key: 'email' },
      destination: { connection: name, stream: 'contacts', key: 'email' },
      mode: 'upsert',
      fields: { full_name: 'name', plan: 'plan' },
    });
  }
  const run = await runSync(stack, 'readable', { dryRun: true });
  expectStats(run, { imported: 3, created: 1, updated: 1, unchanged: 1 });
  expect(run.preview).toMatchObject({
    canRead: true,
    removal: null,
    changes: [
      {
        operation: 'update',
        key: 'b@x',
        fields: [{ field: 'full_name', before: 'Rob', after: 'Bob' }],
      },
      { operation: 'create', key: 'c@x' },
    ],
  });
  const blind = await runSync(stack, 'blind', { dryRun: true });
  expectStats(blind, { imported: 3, created: 3 });
  expect(blind.preview?.canRead).toBe(false);
  expect(blind.preview?.reason).toContain('cannot be read');
  expect(api.log).toEqual([]);
  expect(await queryState(stack, 'SELECT 1 FROM ledger')).toEqual([]);

  const { stdout } = await promisify(execFile)(
    process.execPath,
    [main, 'run', 'readable', '--dry-run'],
    {
      env: { ...process.env, SLUICE_URL: stack.url },
    },
  );
  expect(stdout).toContain('update\tb@x\tfull_name\t"Rob"\t"Bob"\n');
});
