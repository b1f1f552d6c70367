import type { DirectSource } from '../../src/connectors/testing/direct.ts';
import { expect, it } from 'vitest';
import type { Cursor, PageEnd, PageRequest } from '../../src/connectors/contract/page.ts';
import { unlimited } from '../../src/connectors/contract/calls.ts';
import type { JsonObject } from '../../src/model/json.ts';
import type { Value } from '../../src/model/record.ts';
import { exported } from './acts.ts';
import { connectTo, suiteFields, type Harness } from './harness.ts';

interface Read {
  readonly rows: readonly (readonly Value[])[];
  readonly end: PageEnd;
}

/** Tests the duties of every source. */
export function sourceSuite(harness: () => Harness): void {
  it('reads every record exactly once, in order, whatever the page size', async () => {
    const records = numbered(11);
    await harness().seed(records);
    for (const size of [1, 3, 11, 100]) {
      await withSource(harness(), async (source) => {
        const pages = await readAll(source, size);
        const codes = pages.flatMap((page) => page.rows.map((row) => row[0]));
        expect(codes).toEqual(records.map((record) => record['code']));
        for (const page of pages) expect(page.end.records).toBe(page.rows.length);
      });
    }
  });

  it('reads the same page again for the same cursor, also in a new connection', async () => {
    await harness().seed(numbered(7));
    const first = await withSource(harness(), (source) => readPage(source, null, 3));
    const second = await withSource(harness(), (source) => readPage(source, first.end.cursor, 3));
    const again = await withSource(harness(), (source) => readPage(source, first.end.cursor, 3));
    expect(again).toEqual(second);
  });

  it('gives exactly the fields asked for, in that order', async () => {
    await harness().seed([{ code: 'a', name: 'n', note: 'm' }]);
    const fields = ['note', 'code'];
    const page = await withSource(harness(), (source) => readPage(source, null, 10, { fields }));
    expect(page.rows).toEqual([['m', 'a']]);
  });

  it('tells null, missing and empty apart as far as the system does, and keeps text exact', async () => {
    const records = awkward();
    await harness().seed(records);
    const reads = harness().reads ?? ((value) => value);
    const pages = await withSource(harness(), (source) => readAll(source, 2));
    expect(pages.flatMap((page) => page.rows)).toEqual(
      records.map((record) => suiteFields.map((field) => reads(record[field]))),
    );
  });

  it('reads on from a watermark, equal and missing ones included, ties longer than a page (R3)', async ({
    skip,
  }) => {
    const request = harness().watermarked?.();
    if (request === undefined) {
      skip();
      return;
    }
    const notes = { a: '1', b: '2', c: '2', d: '2', e: '2', f: '3', g: '4', h: null };
    const records = Object.entries(notes).map(([code, note]) => ({ code, name: 'n', note }));
    await harness().seed(records);
    for (const size of [1, 2, 100]) {
      await withSource(
        harness(),
        async (source) => {
          expect(await source.highWatermark?.()).toBe('4');
          const pages = await readAll(source, size, { since: '2', until: '3' });
          const codes = pages.flatMap((page) => page.rows.map((row) => row[0] as string));
          expect(codes.toSorted().join('')).toBe('bcdefh');
        },
        request,
      );
    }
  });

  it('reads in the order of the watermark, each page in a new connection (R3)', async ({
    skip,
  }) => {
    const request = harness().ordered?.();
    if (request === undefined) {
      skip();
      return;
    }
    const notes = { a: '3', b: '1', c: '2', d: null, e: '2', f: '2', g: '4', h: null, i: '2' };
    const records = Object.entries(notes).map(([code, note]) => ({ code, name: 'n', note }));
    await harness().seed(records);
    const reads = [
      [{}, 'bcefiagdh'],
      [{ until: '3' }, 'bcefiadh'],
      [{ since: '2', until: '3' }, 'cefiadh'],
      [{ since: '2' }, 'cefiagdh'],
    ] as const;
    for (const size of [1, 2, 3, 100]) {
      for (const [bounds, wanted] of reads) {
        const page = (cursor: Cursor | null) =>
          withSource(harness(), (source) => readPage(source, cursor, size, bounds), request);
        const pages = await pagesOf(page);
        const codes = pages.flatMap(({ rows }) => rows.map(([code]) => code as string));
        expect(codes.join('')).toBe(wanted);
        for (const { end, rows } of pages) expect(end.records).toBe(rows.length);
      }
    }
  });

  it('refuses the order of the watermark where it cannot sort', async ({ skip }) => {
    const request = harness().watermarked?.();
    if (request === undefined || harness().ordered !== undefined) {
      skip();
      return;
    }
    await harness().seed(numbered(1));
    const opened = withSource(harness(), () => Promise.resolve(), {
      ...request,
      order: 'watermark',
    });
    await expect(opened).rejects.toMatchObject({ code: 'unsupported_order' });
  });

  it('reads an empty stream to its end', async () => {
    await harness().seed([]);
    const pages = await withSource(harness(), (source) => readAll(source, 10));
    expect(pages.flatMap((page) => page.rows)).toEqual([]);
  });
}

/** Texts that careless quoting would change. */
export const awkwardTexts = [
  'tab\there',
  'two\nlines',
  'cr\r\nlf',
  'quote " and \\ back',
  'a,b;c',
  ' spaced ',
  'Zoë 木 🚀',
  '\\N',
  'NULL',
];

function awkward(): JsonObject[] {
  const texts = awkwardTexts.map((note, index) => ({ code: `t${index}`, name: 'text', note }));
  return [
    { code: 'a', name: null, note: '' },
    { code: 'b', name: '', note: null },
    { code: 'c', name: 'no note' },
    ...texts,
  ];
}

function numbered(count: number): JsonObject[] {
  return Array.from({ length: count }, (_, index) => ({
    code: `c${String(index).padStart(3, '0')}`,
    name: `name ${index}`,
    note: 'n',
  }));
}

async function withSource<T>(
  harness: Harness,
  use: (source: DirectSource) => Promise<T>,
  request = harness.sourceRequest?.(),
): Promise<T> {
  const connection = connectTo(harness);
  try {
    const source = request && (await connection.source?.(request));
    if (source === undefined) throw new Error('the connector has no source');
    return await use(source);
  } finally {
    await connection.close();
  }
}

function readAll(
  source: DirectSource,
  size: number,
  changes: Partial<PageRequest> = {},
): Promise<Read[]> {
  return pagesOf((cursor) => readPage(source, cursor, size, changes));
}

async function pagesOf(read: (cursor: Cursor | null) => Promise<Read>): Promise<Read[]> {
  const pages: Read[] = [];
  for (let cursor: Cursor | null | undefined = null; cursor !== undefined;) {
    const page: Read = await read(cursor);
    pages.push(page);
    cursor = page.end.cursor ?? undefined;
    if (pages.length > 1000) throw new Error('the source does not end');
  }
  return pages;
}

async function readPage(
  source: DirectSource,
  cursor: Cursor | null,
  size: number,
  changes: Partial<PageRequest> = {},
): Promise<Read> {
  const limit = { records: size, bytes: 1_000_000 };
  const request = { cursor, since: null, until: null, fields: suiteFields, limit, ...changes };
  const job = source.job && { job: await exported(source.job, request, unlimited) };
  const page = await source.read({ ...request, ...job });
  const rows: (readonly Value[])[] = [];
  for await (const batch of page.batches()) {
    expect(batch.fields.map((field) => field.name)).toEqual(request.fields);
    rows.push(...batch.rows);
  }
  return { rows, end: page.end() };
}
