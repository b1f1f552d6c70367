import { afterEach, describe, expect, it } from 'vitest';
import { createDatabase } from '../../../../test/support/database.ts';
import type { Target } from '../../contract/target.ts';
import type { StagedLayout } from '../../contract/staging.ts';
import type { CopyText } from '../../contract/page.ts';
import {
  connectDirectly,
  type DirectConnection,
  type DirectRecords,
  type DirectStaging,
} from '../../testing/direct.ts';
import { encodeLine } from './copy-lines.ts';
import { legacyBytes, utf8From } from './legacy-text.ts';
import { postgres } from '../postgres.ts';

const owl = '\u{1f989}';
const lost = 'a character of the value is not in the encoding of the destination, LATIN1';
const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

describe('a destination in LATIN1', () => {
  const fields = ['id', 'name', 'note'].map(
    (name) => ({ name, type: 'text', native: 'text' }) as const,
  );
  const layout: StagedLayout = {
    columns: fields.map((field) => ({ field, encoding: 'sql' })),
    key: [0],
    assign: [
      { to: 'id', from: 0 },
      { to: 'name', from: 1 },
    ],
    uniqueKeys: true,
  };
  const rows = [
    ['1', 'Jos\u00e9\twith\nlines \\', 'plain'],
    ['2', owl, 'plain'],
    [owl, 'Zo\u00e9', 'plain'],
    ['4', 'five \u20ac', 'plain'],
    ['5', '\u0085 \u00ff', owl],
    ['6', null, null],
  ];
  const written = ['(1,"Jos\u00e9\twith\nlines \\\\")', '(5,"\u0085 \u00ff")', '(6,)'];
  const faults = [
    ['2', 'name'],
    [owl, 'id'],
    ['4', 'name'],
  ].map(([key, field]) => ({
    key: [key],
    field,
    code: '22P05',
    message: lost,
    operation: 'match',
  }));

  it.each(['lines', 'rows'])(
    'takes what it can hold of staged %s; the rest are record errors (R8)',
    async (way) => {
      const { database, connection } = await open('LATIN1');
      await database.query('CREATE TABLE t (id text PRIMARY KEY, name text)');
      const into = (await connection.destination?.(target)) as DirectStaging;
      const chunk = { run: 'latin', chunk: 0, token: 1 };
      if (way === 'lines') await into.stageCopy(chunk, layout, copyText());
      else await into.stageRows(chunk, layout, batches());
      const first = await into.apply(chunk, layout, { dryRun: false });
      expect(first.stats).toMatchObject({ imported: 6, created: 3, errors: 3 });
      expect(first.errors).toMatchObject(faults);
      expect(await into.apply(chunk, layout, { dryRun: false })).toEqual(first);
      expect((await into.applied(chunk.run)).chunks.get(0)).toEqual(first);
      expect(await database.rows('t')).toEqual(written);
    },
  );

  it('refuses the same of records', async () => {
    const { database, connection } = await open('LATIN1');
    await database.query('CREATE TABLE t (id text PRIMARY KEY, name text)');
    const into = (await connection.destination?.({
      ...target,
      kind: 'records',
    })) as DirectRecords;
    const operation = {
      operation: 'create',
      key: ['2'],
      id: null,
      values: { name: owl },
      idempotencyKey: 'k',
    } as const;
    expect(await into.write([operation])).toMatchObject([{ ok: false, code: '22P05' }]);
    expect(await into.lookup?.([[owl]])).toEqual([]);
  });

  function copyText(): CopyText {
    return {
      fields,
      async *bytes() {
        const all = Buffer.from(rows.map((row) => encodeLine(row)).join(''));
        yield all.subarray(0, 40);
        yield all.subarray(40);
      },
    };
  }

  async function* batches() {
    yield rows.map((values) => ({ values }));
  }
});

describe('a source in SQL_ASCII', () => {
  // By key: the second page begins after a key that only the encoding can read.
  const sql = `CREATE TABLE t (id text PRIMARY KEY, name text);
    INSERT INTO t VALUES ('a', 'plain'), (E'b\\351', E'Jos\\351'), (E'c\\361', E'a\\tb\\n'), ('d', NULL)`;

  it('that holds bytes which are no UTF-8 says what to set', async () => {
    const { database, connection } = await open('SQL_ASCII');
    await database.query(sql);
    await expect(readAll(connection)).rejects.toMatchObject({
      class: 'config',
      code: 'invalid_encoding',
      message: expect.stringMatching(/22021.*set "encoding"/) as string,
    });
  });

  it('is read in the encoding that the connection says, page by page', async () => {
    const { database, connection } = await open('SQL_ASCII', 'latin1');
    await database.query(sql);
    expect(await readAll(connection)).toEqual([
      ['a', 'plain'],
      ['b\u00e9', 'Jos\u00e9'],
      ['c\u00f1', 'a\tb\n'],
      ['d', null],
    ]);
    await expect(connection.destination?.(target)).rejects.toMatchObject({
      code: 'invalid_encoding',
    });
  });

  it('that is not in that encoding says so, and so does a database that knows its own', async () => {
    const { database, connection } = await open('SQL_ASCII', 'euc-jp');
    await database.query(sql);
    await expect(readAll(connection)).rejects.toMatchObject({ code: 'invalid_encoding' });
    const other = await open('UTF8', 'latin1');
    await other.database.query(`CREATE TABLE t (id text PRIMARY KEY, name text)`);
    await expect(readAll(other.connection)).rejects.toThrow('leave "encoding" out');
  });
});

it('legacy bytes are read however they are cut, and written without loss or not at all', () => {
  const read = utf8From('euc-jp');
  const bytes = legacyBytes('\u8868\u793a', 'euc-jp') ?? Buffer.of();
  const parts = [...bytes].map((byte) => read(Buffer.of(byte))?.toString() ?? 'null');
  expect(parts).toEqual(['', '\u8868', '', '\u793a']);
  expect(legacyBytes(owl, 'latin1')).toBeNull();
  expect(utf8From('euc-jp')(Buffer.of(0xe9, 0x20))).toBeNull();
});

const target: Target = {
  sync: 's',
  stream: 'public.t',
  key: ['id'],
  fields: ['id', 'name'],
  permissions: { create: true, update: true, remove: true },
  match: { caseInsensitive: false, trim: false },
  tracked: false,
  options: {},
};

async function open(databaseEncoding: string, encoding?: string) {
  const database = await createDatabase(
    'encoding',
    process.env['SLUICE_TEST_PG'],
    databaseEncoding,
  );
  const settings = postgres.settings.parse({ url: database.url, ...(encoding && { encoding }) });
  const connection = connectDirectly(postgres, settings, { connection: 'shop' });
  closing.push(
    () => database.drop(),
    () => connection.close(),
  );
  return { database, connection };
}

async function readAll(connection: DirectConnection): Promise<(readonly unknown[])[]> {
  const request = { stream: 'public.t', key: ['id'], options: {} };
  const source = await connection.source(request);
  const all: (readonly unknown[])[] = [];
  let cursor: string | null = null;
  do {
    const limit = { records: 2, bytes: 1 << 20 };
    const page = await source.read({
      cursor,
      since: null,
      until: null,
      fields: ['id', 'name'],
      limit,
    });
    for await (const { rows } of page.batches()) all.push(...rows);
    cursor = page.end().cursor;
  } while (cursor !== null);
  return all;
}
