import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../model/json.ts';
import type { RecordBatch } from '../../../model/record.ts';
import { Folder, operation, readPages } from '../testing/folder.ts';

let folder: Folder;
beforeEach(async () => {
  folder = await Folder.make();
});
afterEach(() => folder.remove());

describe('CSV', () => {
  it.each<[string, string, JsonObject, unknown[][]]>([
    [
      'a delimiter of several characters',
      'id||n\n1||"a||b"\n2||"c"\n',
      { delimiter: '||' },
      [
        ['1', 'a||b'],
        ['2', 'c'],
      ],
    ],
    [
      'null markers without quotes',
      'id,n\n1,NULL\n2,"NULL"\n3,\\N\n4,\n',
      { nullAs: ['NULL', '\\N'] },
      [
        ['1', null],
        ['2', 'NULL'],
        ['3', null],
        ['4', ''],
      ],
    ],
    [
      'empty cells as null',
      'id,n\n1,\n2,""\n',
      { emptyAsNull: true },
      [
        ['1', null],
        ['2', ''],
      ],
    ],
    [
      'empty cells under a header in quotes',
      '"id","n"\n1,\n2,""\n',
      {},
      [
        ['1', null],
        ['2', ''],
      ],
    ],
    ['empty cells that are said to be text', '"id","n"\n1,\n', { emptyAsNull: false }, [['1', '']]],
    [
      'lines within quotes',
      'id,n\n1,"a\r\nb ""c"""\r\n\n2,"\n"\n',
      {},
      [
        ['1', 'a\r\nb "c"'],
        ['2', '\n'],
      ],
    ],
    [
      'names that every object knows',
      'id,n,constructor,__proto__\n1,a,b,c\n2\n',
      {},
      [
        ['1', 'a', 'b', 'c'],
        ['2', undefined, undefined, undefined],
      ],
    ],
  ])('reads %s', async (_, content, options, rows) => {
    await folder.write('a.csv', content);
    const fields = ['id', 'n', 'constructor', '__proto__'].slice(0, rows[0]?.length);
    for (const size of [1, 10])
      expect(await readPages(await folder.source('a.csv', options), fields, size)).toEqual(rows);
  });

  it('keeps rows that cannot be read apart, with their lines, and reads the others (R8)', async () => {
    await folder.write(
      'a.csv',
      'id,n\n1,5" pipe\n2,b\n3,"x" y\n4,"two\nlines",more\n5,6" pipe\n6,f\n',
    );
    const batch = await onlyBatch('a.csv', { malformed: 'error' });
    expect(batch.rows.map(([id]) => id)).toEqual([undefined, '2', undefined, '4', undefined, '6']);
    expect(batch.faults?.map(({ row, message }) => [row, message])).toEqual([
      [0, 'a.csv, line 2: a quote inside a cell that does not begin with one'],
      [2, 'a.csv, line 4: text after a closing quote'],
      [3, 'a.csv, line 5: 3 cells, but 2 columns'],
      [4, 'a.csv, line 7: a quote inside a cell that does not begin with one'],
    ]);
    const stopped = { code: 'malformed_file' };
    await expect(onlyBatch('a.csv', {})).rejects.toMatchObject(stopped);
    // The faulty record could be any one, and a mirror would remove it (R7).
    await expect(onlyBatch('a.csv', { malformed: 'error' }, true)).rejects.toMatchObject(stopped);
  });

  it('keeps a line that is no JSON object apart', async () => {
    await folder.write('a.jsonl', '{"id":1}\n{"id":\n[]\n{"id":4}\n');
    const batch = await onlyBatch('a.jsonl', { malformed: 'error' });
    expect(batch.rows.map(([id]) => id)).toEqual([1, undefined, undefined, 4]);
    expect(batch.faults?.map(({ row, message }) => [row, message])).toEqual([
      [1, 'a.jsonl, line 2: not a JSON object'],
      [2, 'a.jsonl, line 3: not a JSON object'],
    ]);
  });

  it.each([
    ['id,n\r1,a\r', 'CR'],
    ['id,n,n\n1,a,b\n', 'column n repeats'],
    ['id,"n\n1,a\n', 'line 1: a quote is not closed'],
  ])('refuses %j', async (content, why) => {
    await folder.write('a.csv', content);
    await expect(folder.source('a.csv')).rejects.toMatchObject({
      code: 'malformed_file',
      message: expect.stringContaining(why) as string,
    });
  });

  it('writes in the dialect of its options', async () => {
    const options = { delimiter: '::', nullAs: ['\\N'] };
    const values = [
      { n: null, v: '' },
      { n: '\\N', v: 'a::b' },
      { n: 'a:', v: '"' },
    ];
    const changes = values.map((each, at) => operation('create', String(at), each));
    await folder.change('t.csv', changes, options);
    expect(await folder.text('t.csv')).toBe(
      '"id"::"n"::"v"\n0::\\N::""\n1::"\\N"::"a::b"\n2::"a:"::""""\n',
    );
    const [found] = (await (await folder.target('t.csv', options)).lookup?.([['1']])) ?? [];
    expect(found?.values).toEqual(values[1]);
    const source = await folder.source('t.csv', options);
    expect(await readPages(source, ['n', 'v'])).toEqual(values.map(({ n, v }) => [n, v]));
  });

  it('holds a number that is a key in one spelling, as keys compare', async () => {
    const { ExactNumber } = await import('../../../model/json.ts');
    const key = new ExactNumber('42.00');
    await folder.change('t.csv', [operation('create', key, { id: key, n: key })]);
    expect(await folder.text('t.csv')).toBe('"id","n","v"\n42,42.00,\n');
    const destination = await folder.target('t.csv');
    expect((await destination.lookup?.([[key]]))?.length).toBe(1);
  });

  it('reads and writes names that every object knows', async () => {
    const fields = ['__proto__', 'constructor'];
    const values = JSON.parse('{"__proto__":"p","constructor":null}') as JsonObject;
    for (const name of ['t.csv', 't.jsonl', 't.json']) {
      await folder.change(name, [operation('create', '1', values)], {}, { fields });
      await folder.change(name, [operation('create', '2', {})], {}, { fields });
      const source = await folder.source(name);
      const missing = name === 't.csv' ? null : undefined;
      expect(await readPages(source, fields)).toEqual([
        ['p', null],
        [missing, missing],
      ]);
      const found = await (await folder.target(name, {}, { fields })).lookup?.([['1'], ['2']]);
      expect(found?.map((each) => Object.entries(each.values))).toEqual([
        [
          ['__proto__', 'p'],
          ['constructor', null],
        ],
        missing === null
          ? [
              ['__proto__', null],
              ['constructor', null],
            ]
          : [],
      ]);
    }
  });
});

describe('JSON Lines called .json', () => {
  it('are read, and written on', async () => {
    await folder.write('a.json', '{"id":1}\n\n{"id":2}\n');
    expect(await readPages(await folder.source('a.json'), ['id'])).toEqual([[1], [2]]);
    await folder.change('a.json', [operation('create', 3, {})]);
    expect(await folder.text('a.json')).toBe('{"id":1}\n\n{"id":2}\n{"id":3}\n');
  });

  it.each(['{"data":[{"id":1}]}', '{"id":1}', '{\n"id":1\n}'])(
    'are named where one cannot tell: %s',
    async (content) => {
      await folder.write('a.json', content);
      await expect(folder.source('a.json')).rejects.toMatchObject({
        message: expect.stringMatching(/list of objects.*jsonl/) as string,
      });
    },
  );
});

describe('a watermark', () => {
  it('that does not sort is refused by name', async () => {
    await folder.write('a.csv', 'id,seen\n1,12/30/2024\n2,12/31/2024\n');
    const source = await folder.source('a.csv', {}, { watermark: 'seen' });
    await expect(source.highWatermark?.()).rejects.toMatchObject({
      code: 'unsupported_watermark',
      message: expect.stringContaining('seen') as string,
    });
  });

  it('that is of another kind than before is refused', async () => {
    await folder.write('a.csv', 'id,seen\n1,5\n');
    const source = await folder.source('a.csv', {}, { watermark: 'seen' });
    const read = readPages(source, ['id'], 10, { since: '2024-01-01', until: '5' });
    await expect(read).rejects.toMatchObject({ code: 'unsupported_watermark' });
  });

  it('in the future, or without end, holds nothing up', async () => {
    await folder.write(
      'a.csv',
      'id,at\n1,2024-01-01\n2,2999-12-31\n3,infinity\n4,NaN\n5,2024-06-01\n',
    );
    const source = await folder.source('a.csv', {}, { watermark: 'at' });
    const high = (await source.highWatermark?.()) ?? '';
    expect(high).toBe('2999-12-31');
    const settled = (await source.settled?.(high))?.watermark ?? '';
    expect(settled < '2999-01-01').toBe(true);
    expect(settled > '2024-06-01').toBe(true);
    const read = await readPages(source, ['id'], 10, { since: '2024-06-01', until: high });
    expect(read).toEqual([['2'], ['3'], ['4'], ['5']]);
  });
});

it('refuses to go on in a mirror when a file of the glob has gone (R7)', async () => {
  for (const name of ['a.csv', 'b.csv', 'c.csv']) await folder.write(name, `id,n\n${name},x\n`);
  const limit = { records: 1, bytes: 1e6 };
  const more = { since: null, until: null, fields: ['id'], limit };
  const open = (whole: boolean) => folder.source('*.csv', {}, { whole });
  const page = await (await open(false)).read({ cursor: null, ...more });
  for await (const _ of page.batches());
  const { cursor } = page.end();
  await (await import('node:fs/promises')).rm(folder.file('c.csv'));
  const next = await (await open(true)).read({ cursor, ...more });
  const failure = next.batches()[Symbol.asyncIterator]().next();
  await expect(failure).rejects.toMatchObject({ code: 'file_changed' });
});

async function onlyBatch(name: string, options: JsonObject, whole = false): Promise<RecordBatch> {
  const source = await folder.source(name, options, { whole });
  const limit = { records: 100, bytes: 1e6 };
  const page = await source.read({ cursor: null, since: null, until: null, fields: ['id'], limit });
  const batches: RecordBatch[] = [];
  for await (const batch of page.batches()) batches.push(batch);
  const [batch] = batches;
  if (batch === undefined) throw new Error('no batch');
  return batch;
}
