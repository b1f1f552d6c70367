import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  openBench,
  putSync,
  runSync,
  tableSync,
  type Bench,
  type SyncInput,
} from '../support/bench.ts';
import type { Database } from '../support/database.ts';

/** Texts, each of which is a value of some types; for every type the test uses those that it accepts. */
const samples = [
  '',
  'a',
  'A b',
  ' é ',
  '👩‍🚀',
  `it's "quoted", {braced} \\ tab\there`,
  'two\nlines\r\n',
  '0',
  '-1',
  '42',
  '1.50',
  '-0',
  '1e-7',
  '12345678901234567890.123456789',
  'NaN',
  'Infinity',
  't',
  '2026-01-02',
  '2026-01-02 03:04:05.123456',
  '2026-01-02 03:04:05.123456+02',
  '24:00',
  '03:04:05.6+01',
  'infinity',
  '1 year 2 mons -3 days 04:05:06.789',
  '30 days',
  '00000000-0000-4000-8000-000000000001',
  '{"a": [1, 1.10, null], "b": "\\u00e9"}',
  'null',
  '"text"',
  '[1, "2"]',
  '$.a[*] ? (@ > 1)',
  '<a>1 &lt; 2</a>',
  '\\x00ff5c0a',
  '101',
  '10.0.0.1/24',
  '::1',
  '10.0.0.0/8',
  '08:00:2b:01:02:03',
  '08:00:2b:01:02:03:04:05',
  '(1,2)',
  '((0,0),(1,2))',
  '[(0,0),(1,2)]',
  '{1,-1,0}',
  '<(1,2),3>',
  '[1,5)',
  'empty',
  '[2026-01-01,2026-02-01)',
  '{[1,3), [5,7)}',
  'the:1 quick:2 fox:3A',
  `'quick' & !'fox'`,
  '0/16B3748',
  '1000:2000:1001',
  'pg_class',
  '1 2 3',
];

interface Typed {
  readonly name: string;
  readonly values: readonly string[];
  readonly sortable: boolean;
}

let bench: Bench;
let folder: string;
let types: readonly Typed[];
let columns: readonly (Typed & { readonly column: string })[];

beforeAll(async () => {
  bench = await openBench();
  folder = mkdtempSync(join(tmpdir(), 'sluice-types-'));
  const { crm, shop, stack } = bench;
  types = await typesOf(shop);
  columns = types.map((type, at) => ({ ...type, column: `c${at}` }));
  const role = `plain_${process.pid}`;
  await crm.query(
    `CREATE ROLE ${role} LOGIN PASSWORD 'plain'; REVOKE CREATE ON SCHEMA public FROM public`,
  );
  const url = new URL(crm.url);
  url.username = role;
  url.password = 'plain';
  await stack.client.connections.put('plain', { type: 'postgres', url: url.href });
  await stack.client.connections.put('files', { type: 'file', path: folder });
  for (const path of ['staged', 'plain', 'csv', 'jsonl', 'json']) {
    await crm.query(`CREATE TABLE ${path} (${tableOf(columns)}); GRANT ALL ON ${path} TO ${role}`);
  }
  await shop.query(`CREATE TABLE every (${tableOf(columns)})`);
  await fill(0);
});
afterAll(async () => {
  await bench?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Returns every type that accepts one of the samples, and the array type of each. */
async function typesOf(database: Database): Promise<Typed[]> {
  const texts = samples.map((text) => `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`);
  const rows = await database.query(`
    WITH t AS MATERIALIZED (SELECT oid, format_type(oid, NULL) AS name FROM pg_type
      WHERE typtype IN ('b', 'r', 'm') AND typelem = 0 AND typnamespace = 'pg_catalog'::regnamespace
        AND (typname !~ '^(pg_|reg)|^(cid|refcursor|aclitem|gtsvector)$' OR typname IN ('pg_lsn', 'pg_snapshot')))
    SELECT t.name, json_agg(v.text ORDER BY v.at) AS values,
      EXISTS (SELECT FROM pg_opclass c WHERE c.opcintype = t.oid AND c.opcdefault
        AND c.opcmethod = (SELECT oid FROM pg_am WHERE amname = 'btree')) AS sortable
    FROM t CROSS JOIN unnest(ARRAY[${texts.join(', ')}]) WITH ORDINALITY v(text, at)
    WHERE pg_input_is_valid(v.text, t.name)
    GROUP BY t.oid, t.name ORDER BY 1`);
  const single = rows.map(({ name, values, sortable }) => ({
    name: name ?? '',
    values: JSON.parse(values ?? '[]') as string[],
    sortable: sortable === 't',
  }));
  const lists = single
    .filter(({ name }) => !name.includes('int2vector'))
    .map(({ name, values }) => ({
      name: `${name}[]`,
      values: [values, values.slice(0, 1), []].map(arrayText),
      sortable: false,
    }));
  return [...single, ...lists];
}

function arrayText(values: readonly string[]): string {
  const elements = values.map(
    (value) => `"${value.replaceAll(/[\\"]/g, (letter) => `\\${letter}`)}"`,
  );
  return `{${[...elements, 'NULL'].join(',')}}`;
}

const tableOf = (all: typeof columns) =>
  ['id int PRIMARY KEY', ...all.map(({ name, column }) => `${column} ${name}`)].join(', ');

/** Fills the table with rows of the values of each type, rotated by `shift`; the last row holds nulls. */
async function fill(shift: number): Promise<void> {
  const count = Math.max(...types.map(({ values }) => values.length));
  const rows = Array.from({ length: count + 1 }, (_, row) => {
    const cells = columns.map(({ values, name }) =>
      row === count ? 'NULL' : `${quoted(values[(row + shift) % values.length] ?? '')}::${name}`,
    );
    return `(${row}, ${cells.join(', ')})`;
  });
  await bench.shop.query(`DELETE FROM every; INSERT INTO every VALUES ${rows.join(', ')}`);
}

const quoted = (text: string) =>
  `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n').replaceAll('\r', '\\r')}'`;

/** Returns the values that `table` does not print as the source does, one a type. */
async function differing(table: string): Promise<string[]> {
  const different: string[] = [];
  for (const { name, column } of columns) {
    const all = async (database: Database, from: string) => {
      const rows = await database.query(`SELECT ${column}::text AS v FROM ${from} ORDER BY id`);
      return rows.map(({ v }) => JSON.stringify(v));
    };
    const [sent, held] = [await all(bench.shop, 'every'), await all(bench.crm, table)];
    const at = sent.findIndex((value, row) => value !== held[row]);
    if (at >= 0) different.push(`${name}: ${sent[at]} became ${held[at]}`);
  }
  return different;
}

async function writesNothing(sync: string): Promise<void> {
  const { stats, failure } = await runSync(bench.stack, sync);
  expect({ failure, ...stats }).toMatchObject({ failure: null, created: 0, updated: 0, errors: 0 });
}

/**
 * Carries values along these syncs, in two rounds; returns those that did not arrive unchanged.
 * @param skip types that are not compared: JSON files keep no blanks of a `json` value, and cannot tell NULL from a
 *   JSON null
 */
async function carried(syncs: readonly string[], table: string, skip = /^$/): Promise<string[]> {
  const found: string[] = [];
  for (const shift of [0, 1]) {
    await fill(shift);
    for (const sync of syncs) {
      const { failure, stats } = await runSync(bench.stack, sync);
      expect({ failure, errors: stats.errors }).toEqual({ failure: null, errors: 0 });
    }
    found.push(...(await differing(table)).filter((text) => !skip.test(text)));
    for (const sync of syncs) await writesNothing(sync);
  }
  return found;
}

describe('values of every type arrive as printed, changes too, and then nothing is written', () => {
  test('there are many types', () => expect(types.length).toBeGreaterThan(80));

  test.each([
    ['staged', 'crm'],
    ['record by record', 'plain'],
  ])('%s', async (_, connection) => {
    const stream = `public.${connection === 'crm' ? 'staged' : 'plain'}`;
    const sync = tableSync('every', { destination: { connection, stream } });
    await putSync(bench.stack, connection, sync);
    expect(await carried([connection], stream)).toEqual([]);
  });

  test.each(['csv', 'jsonl', 'json'])('through a %s file and back', async (format) => {
    const file = { connection: 'files', stream: `every.${format}`, key: 'id' };
    const there: SyncInput = { ...tableSync('every'), destination: file };
    const back: SyncInput = { ...tableSync(format), source: file };
    await putSync(bench.stack, `to-${format}`, there);
    await putSync(bench.stack, `from-${format}`, back);
    const skip = format === 'csv' ? undefined : /^json/;
    expect(await carried([`to-${format}`, `from-${format}`], format, skip)).toEqual([]);
  });
});

/** In a records destination a JSON null is no key. */
const keyTypes = (connection: string) =>
  types.filter(({ name, sortable }) => sortable && !(connection === 'plain' && name === 'jsonb'));

test.each(['crm', 'plain'])(
  'values of every type that sorts are keys of a mirror into %s',
  async (connection) => {
    const { stack, shop, crm } = bench;
    for (const [at, { name, values }] of keyTypes(connection).entries()) {
      const table = `key_${connection}_${at}`;
      const distinct = `SELECT DISTINCT ON (v) v FROM unnest(ARRAY[${values.map(quoted).join(', ')}]::${name}[]) v`;
      await shop.query(
        `CREATE TABLE ${table} (id ${name} PRIMARY KEY, n int); INSERT INTO ${table} SELECT v, 1 FROM (${distinct}) d`,
      );
      await crm.query(
        `CREATE TABLE ${table} (id ${name} PRIMARY KEY, n int); GRANT ALL ON ${table} TO public`,
      );
      await putSync(
        stack,
        table,
        tableSync(table, { mode: 'mirror', destination: { connection } }),
      );
      const { failure, stats } = await runSync(stack, table);
      expect({ name, failure, errors: stats.errors }).toEqual({ name, failure: null, errors: 0 });
      expect([name, await crm.rows(table)]).toEqual([name, await shop.rows(table)]);
      const again = await runSync(stack, table);
      expect([name, again.stats.unchanged, again.stats.removed]).toEqual([name, stats.imported, 0]);
    }
  },
);
