import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  expectStats,
  openBench,
  putSync,
  runSync,
  finished,
  tableSync,
  type Bench,
} from '../support/bench.ts';

let bench: Bench;

beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

test('every value arrives exactly, and a second run writes nothing', async () => {
  const { stack, shop, crm } = bench;
  const columns = `id int PRIMARY KEY, big int8, amount numeric, ratio float8, at timestamp, atz timestamptz,
    day date, doc jsonb, list text[], numbers int[], bin bytea, note text, nothing text, yes bool, span interval, u uuid`;
  await shop.query(`CREATE TABLE exact (${columns})`);
  await crm.query(`CREATE TABLE exact (${columns}, own text DEFAULT 'untouched')`);
  await shop.query(`INSERT INTO exact VALUES
    (1, 9223372036854775807, 12345678901234567890.123456789012345678, 'NaN', '2026-01-02 03:04:05.123456',
     '2026-01-02 03:04:05.654321+02', '0044-03-15 BC', '{"a": [1, 1.10, 9007199254740993, null], "b": "\\u00e9\\n"}',
     ARRAY['a', NULL, 'NULL', '', 'it''s "quoted"', E'back\\\\slash, {brace}'], ARRAY[1, NULL, 3], '\\x00ff5c0a', '',
     NULL, true, '1 year 2 days 00:00:03', '6f1d0b5e-0000-4000-8000-000000000001'),
    (2, -9007199254740993, 'NaN', 'Infinity', 'infinity', '-infinity', 'infinity', 'null', '{}', NULL, '',
     E'tab\\there \\\\N back\\\\ line\\nfeed\\r\\n \\\\. 👩‍🚀 ü', NULL, false, NULL, NULL),
    (3, NULL, 0.10, -0.0, '0001-01-01 00:00:00 BC', NULL, NULL, NULL, '{{a,b},{c,d}}', '{}', NULL, E'\\\\N', NULL, NULL, NULL, NULL)`);
  await putSync(stack, 'exact', tableSync('exact'));

  expectStats(await runSync(stack, 'exact'), { imported: 3, created: 3 });
  const names = columns.split(', ').map((column) => column.trim().split(' ')[0]);
  const sent = `(SELECT ${names.join(', ')} FROM exact)`;
  expect(await crm.rows(sent)).toEqual(await shop.rows(sent));
  expect(await crm.query('SELECT DISTINCT own FROM exact')).toEqual([{ own: 'untouched' }]);

  await crm.query(`UPDATE exact SET own = 'mine'`);
  const versions = await crm.query('SELECT id, xmin, ctid FROM exact ORDER BY id');
  const again = await runSync(stack, 'exact');
  expectStats(again, { imported: 3, unchanged: 3 });
  expect(again.outcome).toBe('nothing_written');
  expect(await crm.query('SELECT id, xmin, ctid FROM exact ORDER BY id')).toEqual(versions);

  await shop.query(`UPDATE exact SET note = 'changed', big = NULL WHERE id = 2`);
  expectStats(await runSync(stack, 'exact'), { imported: 3, updated: 1, unchanged: 2 });
  expect(await crm.rows(sent)).toEqual(await shop.rows(sent));
  expect(await crm.query('SELECT DISTINCT own FROM exact')).toEqual([{ own: 'mine' }]);
});

test('a watermark makes a run read only what changed (R3)', async () => {
  const { stack, shop, crm } = bench;
  const columns = 'id int PRIMARY KEY, name text, updated_at timestamptz';
  await shop.query(`CREATE TABLE marked (${columns})`);
  await crm.query(`CREATE TABLE marked (${columns})`);
  await shop.query(`INSERT INTO marked SELECT n, 'n' || n, timestamptz '2026-01-01 00:00:00.000001+00' + n * interval '1 s'
    FROM generate_series(1, 100) n`);
  await putSync(stack, 'marked', tableSync('marked', { source: { watermark: 'updated_at' } }));

  const first = await runSync(stack, 'marked');
  expectStats(first, { imported: 100, created: 100 });
  expect(first.watermark).toContain('000001');
  await shop.query(`UPDATE marked SET name = 'late', updated_at = '2026-02-01' WHERE id <= 3;
    INSERT INTO marked VALUES (101, 'new', '2026-02-02')`);
  const { stats, status } = await runSync(stack, 'marked');
  expect(status).toBe('completed');
  expect(stats).toMatchObject({ created: 1, updated: 3 });
  // Records at the watermark itself may be read again.
  expect(stats.imported).toBeLessThanOrEqual(5);
  expect((await runSync(stack, 'marked')).stats).toMatchObject({
    created: 0,
    updated: 0,
    errors: 0,
  });
  expectStats(await runSync(stack, 'marked', { full: true }), { imported: 101, unchanged: 101 });
  expect(await crm.rows('marked')).toEqual(await shop.rows('marked'));
});

test('expressions, a condition and constants; a dry run writes nothing', async () => {
  const { stack, shop, crm } = bench;
  await shop.query(`CREATE TABLE people (email text PRIMARY KEY, name text, website text, plan text);
    INSERT INTO people VALUES ('a@x.org', ' Ann ', 'https://www.ann.example/a', 'pro'),
      ('b@x.org', 'Bob', NULL, 'free'), ('c@x.org', 'Cy', 'cy.example', 'pro')`);
  await crm.query(
    'CREATE TABLE contacts (mail text PRIMARY KEY, label text, domain text, origin text)',
  );
  await putSync(stack, 'people', {
    source: { connection: 'shop', stream: 'public.people', key: 'email' },
    destination: { connection: 'crm', stream: 'public.contacts', key: 'mail' },
    mode: 'upsert',
    fields: {
      label: { expr: 'upper(trim(name)) + "!"' },
      domain: { expr: 'website == null ? null : domain(website)' },
      origin: { value: 'shop' },
    },
    where: 'plan != "free"',
  });
  const counts = { imported: 3, created: 2, skipped: 1 };
  expectStats(await runSync(stack, 'people', { dryRun: true }), counts);
  expect(await crm.rows('contacts')).toEqual([]);
  const run = await runSync(stack, 'people');
  expectStats(run, counts);
  expect(run.stats.skippedBy).toEqual({ mode: 0, filter: 1, duplicate: 0 });
  expect(await crm.rows('contacts')).toEqual([
    '(a@x.org,ANN!,ann.example,shop)',
    '(c@x.org,CY!,cy.example,shop)',
  ]);
  expectStats(await runSync(stack, 'people'), { imported: 3, unchanged: 2, skipped: 1 });
});

test.each([
  [
    'upsert',
    { created: 1, updated: 1, unchanged: 1 },
    ['(1,same)', '(2,new)', '(3,new)', '(4,gone)'],
  ],
  ['update', { updated: 1, unchanged: 1, skipped: 1 }, ['(1,same)', '(2,new)', '(4,gone)']],
  [
    'create',
    { created: 1, unchanged: 1, skipped: 1 },
    ['(1,same)', '(2,old)', '(3,new)', '(4,gone)'],
  ],
  [
    'mirror',
    { created: 1, updated: 1, unchanged: 1, removed: 1 },
    ['(1,same)', '(2,new)', '(3,new)'],
  ],
] as const)('mode %s', async (mode, counts, rows) => {
  const { stack, shop, crm } = bench;
  const table = `mode_${mode}`;
  await shop.query(`CREATE TABLE ${table} (id int PRIMARY KEY, v text);
    INSERT INTO ${table} VALUES (1, 'same'), (2, 'new'), (3, 'new')`);
  await crm.query(`CREATE TABLE ${table} (id int PRIMARY KEY, v text);
    INSERT INTO ${table} VALUES (1, 'same'), (2, 'old'), (4, 'gone')`);
  await putSync(stack, table, tableSync(table, { mode }));
  const run = await runSync(stack, table);
  expectStats(run, { imported: 3, ...counts });
  expect(run.mode).toBe(mode);
  expect(await crm.rows(table)).toEqual(rows);
});

test('composite keys, across types', async () => {
  const { stack, shop, crm } = bench;
  await shop.query(`CREATE TABLE lines (shop_id int, nr text, qty int);
    INSERT INTO lines VALUES (1, '7', 1), (1, '8', 2), (2, '7', 3)`);
  await crm.query(`CREATE TABLE lines (k1 text, k2 int, qty int);
    INSERT INTO lines VALUES ('1', 8, 0)`);
  await putSync(stack, 'lines', {
    source: { connection: 'shop', stream: 'public.lines', key: ['shop_id', 'nr'] },
    destination: { connection: 'crm', stream: 'public.lines', key: ['k1', 'k2'] },
    mode: 'upsert',
    fields: { qty: 'qty' },
  });
  expectStats(await runSync(stack, 'lines'), { imported: 3, created: 2, updated: 1 });
  expect(await crm.rows('lines')).toEqual(['(1,7,1)', '(1,8,2)', '(2,7,3)']);
  expectStats(await runSync(stack, 'lines'), { imported: 3, unchanged: 3 });
});

test('duplicates, ambiguous matches and missing keys each count once', async () => {
  const { stack, shop, crm } = bench;
  await shop.query(`CREATE TABLE odd (pos int PRIMARY KEY, code text, v text);
    INSERT INTO odd VALUES (1, 'a', 'first'), (2, 'a', 'last'), (3, 'twice', 'x'), (4, NULL, 'x'), (5, 'ok', 'x')`);
  await crm.query(`CREATE TABLE odd (code text, v text);
    INSERT INTO odd VALUES ('twice', '1'), ('twice', '2')`);
  const key = { key: 'code' };
  await putSync(
    stack,
    'odd',
    tableSync('odd', { source: key, destination: key, fields: { v: 'v' } }),
  );
  const run = await runSync(stack, 'odd');
  expectStats(run, { imported: 5, created: 2, skipped: 1, errors: 2 });
  expect(run.outcome).toBe('partial');
  expect(run.stats.skippedBy.duplicate).toBe(1);
  expect(await crm.rows('odd')).toEqual(['(a,last)', '(ok,x)', '(twice,1)', '(twice,2)']);
  const { errors } = await stack.client.runs.errors(run.id);
  const codes = errors.map(({ code, key: at }) => `${code} ${String(at)}`);
  expect(codes.toSorted()).toEqual(['ambiguous_match twice', 'missing_key null']);
});

test('a poison row is one record error, the rest lands; it is retried alone (R8)', async () => {
  const { stack, shop, crm } = bench;
  await shop.query(`CREATE TABLE poison (id int PRIMARY KEY, v int);
    INSERT INTO poison SELECT n, n FROM generate_series(1, 5000) n`);
  await crm.query(
    'CREATE TABLE poison (id int PRIMARY KEY, v int CONSTRAINT no_four CHECK (v <> 4444))',
  );
  await putSync(stack, 'poison', tableSync('poison'));
  const run = await runSync(stack, 'poison');
  expectStats(run, { imported: 5000, created: 4999, errors: 1 });
  expect(run.outcome).toBe('partial');
  const { errors } = await stack.client.runs.errors(run.id);
  expect(errors).toHaveLength(1);
  expect(errors[0]).toMatchObject({ operation: 'create', code: '23514' });
  expect(String(errors[0]?.key)).toBe('4444');
  expect(await crm.value('SELECT count(*) FROM poison')).toBe('4999');

  await crm.query('ALTER TABLE poison DROP CONSTRAINT no_four');
  const { client } = stack;
  const retried = await finished(client, (await client.runs.act(run.id, 'retry-errors')).id);
  expectStats(retried, { imported: 1, created: 1 });
  expect(await crm.rows('poison')).toEqual(await shop.rows('poison'));
});
