import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDatabase, type Database } from '../../../../test/support/database.ts';
import { relationOf } from '../catalog/catalog.ts';
import { pageQuery, type Readable } from './page-query.ts';
import { testSession, type TestSession } from '../testing/session.ts';

let database: Database;
let session: TestSession;

beforeAll(async () => {
  database = await createDatabase('pages');
  session = testSession(database.url);
});
afterAll(async () => {
  await session?.close();
  await database?.drop();
});

interface Plan {
  readonly 'Node Type': string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly Plans?: readonly Plan[];
}

const rows = 20_000;
const dates = {
  'times apart': `i * interval '1 second'`,
  'one time for all': `interval '0'`,
  'no time for most': `CASE WHEN i % 50 = 0 THEN i * interval '1 second' END`,
};
const last = `2024-01-01 02:00:00+00`;

it.each([
  ['times apart', 'the first page', null],
  ['times apart', 'a page in the middle', [last, '7200']],
  ['no time for most', 'the first page', null],
  ['no time for most', 'a page in the middle', [last, '7200']],
  ['no time for most', 'a page of records without a time', [null, '7200']],
  ['one time for all', 'a page in the middle', ['2024-01-01 00:00:00+00', '7200']],
] as const)('reads no more than it needs: %s, %s', async (kind, _, cursor) => {
  await database.query(
    `DROP TABLE IF EXISTS many; CREATE TABLE many (id int PRIMARY KEY, at timestamptz);
     INSERT INTO many SELECT i, '2024-01-01'::timestamptz + ${dates[kind]} FROM generate_series(1, ${rows}) i;
     CREATE INDEX ON many (at); ANALYZE many`,
  );
  const relation = await relationOf(session, 'many');
  const [id, at] = relation.columns;
  const from: Readable = {
    relation,
    watermark: at,
    lag: undefined,
    unique: id && [id],
    byWatermark: true,
    key: [],
  };
  const bounds = { since: null, until: '2024-02-01 00:00:00+00' };
  const place = cursor === null ? null : JSON.stringify(cursor);
  const request = { ...bounds, cursor: place, fields: [], limit: { records: 100, bytes: 1e9 } };
  const { sql } = pageQuery(from, request, relation.columns);
  expect(await scanned(sql)).toBeLessThan(rows / 20);
});

/** Returns the number of table rows that a query reads. */
async function scanned(sql: string): Promise<number> {
  const explained = await database.value(`EXPLAIN (ANALYZE, FORMAT JSON) ${sql}`);
  const [{ Plan: plan }] = JSON.parse(explained ?? '') as [{ Plan: Plan }];
  const count = (node: Plan): number => {
    const read = node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0);
    const own = /^(Seq|Index|Index Only|Bitmap Heap) Scan$/.test(node['Node Type'])
      ? read * node['Actual Loops']
      : 0;
    return (node.Plans ?? []).reduce((sum, each) => sum + count(each), own);
  };
  return count(plan);
}
