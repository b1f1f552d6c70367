import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  array,
  boolean,
  constantFrom,
  double,
  integer,
  jsonValue,
  maxSafeInteger,
  option,
  record,
  sample,
  string,
  uuid,
  type Arbitrary,
} from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectStats, openBench, putSync, runSync, type Bench } from '../support/bench.ts';

const rows = 120;
/** The seed is fixed, so that the values are the same every time. */
const seed = 7;

let bench: Bench;
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-types-'));
  bench = await openBench();
});
afterAll(async () => {
  await bench.close();
  await rm(folder, { recursive: true, force: true });
});

/** Texts that every database holds, with characters that careless quoting, escaping or decoding would change. */
const text = string({ unit: 'grapheme' }).map((value) => value.replaceAll('\0', ''));
const awkward = string({ unit: constantFrom('"', ',', '\\', '\n', '\r', '{', '}', "'", ' ', 'é') });
const json = jsonValue({ depthSize: 'small' }).map((value) =>
  JSON.stringify(value).replaceAll(/\\u0000|\\u[dD][89a-fA-F]../g, 'x'),
);
/** PostgreSQL's own JSON has a null, which a JSON file cannot tell from a missing value. */
const jsonb = json.filter((value) => value !== 'null');
const numeric = constantFrom(
  '0',
  '0.000',
  '42.00',
  '-7.10',
  '12345678901234567890.10',
  'NaN',
  '1e30',
);
const timestamp = constantFrom(
  '2024-02-29 23:59:59.123456',
  '1999-12-31 00:00',
  'infinity',
  '-infinity',
  '0044-03-15 12:00 BC',
);
const hex = array(integer({ min: 0, max: 255 })).map(
  (bytes) => `\\x${Buffer.from(bytes).toString('hex')}`,
);

/** For each type, the texts that its values are made from. */
const types: Readonly<Record<string, Arbitrary<string>>> = {
  text,
  'varchar(40)': awkward.map((value) => value.slice(0, 40)),
  'char(6)': constantFrom('ab', 'é', ''),
  smallint: integer({ min: -32768, max: 32767 }).map(String),
  bigint: maxSafeInteger().map(String),
  numeric,
  float8: double({ noNaN: false }).map((value) => (Object.is(value, -0) ? '-0' : String(value))),
  boolean: boolean().map(String),
  date: constantFrom('2024-02-29', 'infinity', '0044-03-15 BC'),
  time: constantFrom('24:00', '00:00:00.000001'),
  timetz: constantFrom('12:00+05:30'),
  timestamp,
  timestamptz: timestamp,
  interval: constantFrom('1 year 2 mons 3 days 04:05:06.7', '-1 mons', '1 mon -1 day'),
  uuid: uuid(),
  inet: constantFrom('10.0.0.1/8', '::1'),
  'bit(3)': constantFrom('101'),
  int4range: constantFrom('[1,5)', 'empty'),
  point: constantFrom('(1,2.5)'),
  jsonb,
  bytea: hex,
  'text[]': list(awkward),
  'int[]': list(integer({ min: -9, max: 9 }).map(String)),
  'numeric[]': list(numeric),
  'boolean[]': list(boolean().map(String)),
  'timestamptz[]': list(timestamp),
  'bytea[]': list(hex),
  'jsonb[]': list(jsonb),
};

function list(element: Arbitrary<string>): Arbitrary<string> {
  return array(option(element), { maxLength: 4 }).map((values) => {
    const parts = values.map((value) =>
      value === null ? 'NULL' : `"${value.replaceAll(/[\\"]/g, (char) => `\\${char}`)}"`,
    );
    return `{${parts.join(',')}}`;
  });
}

const columns = Object.keys(types).map((type, at) => ({ name: `c${at}`, type }));

test('what a sync writes into a file is read back the same, of every type, and settles', async () => {
  const { stack, shop, crm } = bench;
  const definition = `id int PRIMARY KEY, ${columns.map(({ name, type }) => `${name} ${type}`).join(', ')}`;
  await shop.query(`CREATE TABLE v (${definition}); ${inserts()}`);
  await stack.client.connections.put('files', { type: 'file', path: folder });
  for (const file of ['v.csv', 'v.csv.gz', 'v.jsonl', 'v.json']) {
    const table = file.replaceAll('.', '_');
    await crm.query(`CREATE TABLE ${table} (${definition})`);
    await putSync(stack, `to-${table}`, {
      source: { connection: 'shop', stream: 'public.v', key: 'id' },
      destination: { connection: 'files', stream: file, key: 'id' },
      mode: 'upsert',
    });
    await putSync(stack, `back-${table}`, {
      source: { connection: 'files', stream: file, key: 'id' },
      destination: { connection: 'crm', stream: `public.${table}`, key: 'id' },
      mode: 'upsert',
    });
    for (const sync of [`to-${table}`, `back-${table}`]) {
      expectStats(await runSync(stack, sync), { imported: rows, created: rows });
      expectStats(await runSync(stack, sync), { imported: rows, unchanged: rows });
    }
    for (const { name, type } of columns) {
      const select = (from: string) =>
        `SELECT id || ' ' || coalesce(${name}::text, '~') AS row FROM ${from} ORDER BY id`;
      expect([file, type, await crm.query(select(table))]).toEqual([
        file,
        type,
        await shop.query(select('v')),
      ]);
    }
  }
});

function inserts(): string {
  const values = record(
    Object.fromEntries(columns.map(({ name, type }) => [name, option(types[type] ?? text)])),
  );
  return sample(values, { numRuns: rows, seed })
    .map((row, id) => {
      const literals = columns.map(({ name, type }) => literal(row[name] ?? null, type));
      return `INSERT INTO v VALUES (${[id, ...literals].join(', ')});`;
    })
    .join('\n');
}

function literal(value: string | null, type: string): string {
  return value === null ? 'NULL' : `'${value.replaceAll("'", "''")}'::${type}`;
}
