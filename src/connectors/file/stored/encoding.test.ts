import { Buffer } from 'node:buffer';
import { gunzipSync, gzipSync } from 'node:zlib';
import { assert, asyncProperty, constantFrom, string } from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Folder, operation, readPages } from '../testing/folder.ts';

let folder: Folder;
beforeEach(async () => {
  folder = await Folder.make();
});
afterEach(() => folder.remove());

const csv = 'id,n\n1,José €\n2,Åse\n3,plain\n';
const rows = [
  ['1', 'José €'],
  ['2', 'Åse'],
  ['3', 'plain'],
];
const latin = (text: string) => Buffer.from(text.replaceAll('€', '\u0080'), 'latin1');
const little = (text: string) => Buffer.from(text, 'utf16le');
const big = (text: string) => Buffer.from(text, 'utf16le').swap16();

describe('a source', () => {
  it.each([
    ['UTF-8 with a mark', Buffer.from(`\uFEFF${csv}`), undefined],
    ['UTF-16 LE with a mark', little(`\uFEFF${csv}`), undefined],
    ['UTF-16 BE with a mark', big(`\uFEFF${csv}`), undefined],
    ['a mark that speaks against the option', little(`\uFEFF${csv}`), 'windows-1252'],
    ['UTF-16 LE', little(csv), 'utf-16le'],
    ['UTF-16 BE', big(csv), 'utf-16be'],
    ['Windows-1252', latin(csv), 'windows-1252'],
    ['Latin-1 by another name', latin(csv), 'latin1'],
    ['gzip', gzipSync(csv), undefined],
    [
      'gzip in two parts',
      Buffer.concat([gzipSync(csv.slice(0, 9)), gzipSync(csv.slice(9))]),
      undefined,
    ],
    ['gzip of UTF-16', gzipSync(little(`\uFEFF${csv}`)), undefined],
  ])('reads %s, page by page, each in a new connection', async (_, content, encoding) => {
    await folder.write('a.csv', content);
    const options = encoding === undefined ? {} : { encoding };
    for (const size of [1, 2, 10]) {
      const source = await folder.source('a.csv', options);
      expect(await readPages(source, ['id', 'n'], size)).toEqual(rows);
    }
    const discovered = await folder.connection.discover();
    expect(discovered.map(({ name }) => name)).toEqual(['a.csv']);
  });

  it('reads the other formats in another encoding', async () => {
    const records = '{"id":1,"n":"José"}\n{"id":2,"n":"b"}\n';
    await folder.write('a.jsonl', latin(records));
    await folder.write('a.json', latin(`[${records.trim().replace('\n', ',')}]`));
    for (const name of ['a.jsonl', 'a.json']) {
      const source = await folder.source(name, { encoding: 'iso-8859-1' });
      expect(await readPages(source, ['n'], 1)).toEqual([['José'], ['b']]);
    }
  });

  it.each([
    ['a.csv', latin('id,n\n1,é\n'), {}, 'a.csv, line 2, byte 7'],
    ['a.csv', latin('id,n\n1,"x\ny é"\n'), {}, 'a.csv, line 3, byte 12'],
    ['a.csv', latin('id,é\n1,x\n'), {}, 'a.csv, line 1, byte 3'],
    ['a.jsonl', latin('{"id":1}\n{"id":"é"}\n'), {}, 'a.jsonl, line 2, byte 16'],
    ['a.json', latin('[{"id":1},\n{"id":"é"}]'), {}, 'a.json, line 2, byte 18'],
    [
      'a.csv',
      Buffer.concat([little('\uFEFFid,n\n1,a'), Buffer.from([0, 0xd8]), little('b\n')]),
      {},
      'a.csv, line 2, byte 18',
    ],
    [
      'a.csv',
      Buffer.concat([Buffer.from('id,n\n1,'), Buffer.from([0xd2, 10])]),
      { encoding: 'windows-1253' },
      'a.csv, line 2, byte 7',
    ],
    ['a.csv', little(csv), {}, 'a.csv is not UTF-8 text'],
    ['a.csv.gz', gzipSync(latin('id,n\n1,é\n')), {}, 'a.csv.gz, line 2, byte 7'],
  ])('names the place of what does not decode: %s %#', async (name, content, options, where) => {
    await folder.write(name, content);
    const failure = folder
      .source(name, options)
      .then((source) => readPages(source, ['id', 'n', 'é']));
    await expect(failure).rejects.toMatchObject({
      code: 'invalid_encoding',
      message: expect.stringContaining(where) as string,
    });
  });

  it('refuses a gzip file that is cut, and an encoding that nobody knows', async () => {
    const whole = gzipSync(csv.repeat(100));
    await folder.write('a.csv.gz', whole.subarray(0, whole.length - 12));
    const failure = folder.source('a.csv.gz').then((source) => readPages(source, ['id']));
    await expect(failure).rejects.toMatchObject({ code: 'malformed_file' });
    await expect(folder.source('a.csv.gz', { encoding: 'utf-9' })).rejects.toThrow('encoding');
  });

  it('refuses to go on in a compressed file that was replaced by another (R7)', async () => {
    await folder.write('a.csv.gz', gzipSync(csv));
    const more = { since: null, until: null, fields: ['id'], limit: { records: 1, bytes: 1e6 } };
    const page = await (await folder.source('a.csv.gz')).read({ cursor: null, ...more });
    for await (const _ of page.batches());
    await folder.write('a.csv.gz', gzipSync(csv.replace('José', 'Anna')));
    const next = await (
      await folder.source('a.csv.gz')
    ).read({ cursor: page.end().cursor, ...more });
    const failure = next.batches()[Symbol.asyncIterator]().next();
    await expect(failure).rejects.toMatchObject({ code: 'file_changed' });
  });
});

describe('a destination', () => {
  it.each([
    ['Windows-1252', latin, { encoding: 'windows-1252' }, '\r\n'],
    ['UTF-16 LE', little, {}, '\r\n'],
    ['UTF-16 BE', big, {}, '\n'],
    ['UTF-8', Buffer.from, {}, '\r\n'],
  ] as const)(
    'leaves what it does not touch as it is, byte for byte: %s',
    async (_, encode, options, eol) => {
      const mark = 'encoding' in options ? '' : '\uFEFF';
      const old = ['id,n', '1,"José"', '', ' 2 ,Åse', '3,gone', '"4",old'].join(eol);
      await folder.write('t.csv', encode(mark + old));
      const changes = [
        operation('remove', '3', {}),
        operation('update', '4', { n: 'né' }),
        operation('create', '5', { n: '€' }),
      ];
      await folder.change('t.csv', changes, options, { fields: ['n'] });
      const next = ['id,n', '1,"José"', '', ' 2 ,Åse', '4,né', '5,€'].join(eol);
      expect(await folder.bytes('t.csv')).toEqual(encode(mark + next));
    },
  );

  it.each([
    [
      '[\n  {"id": 1.0, "x": "é"},\n  {"id": 2},\n  {"id": 3}\n]\n',
      '[\n  {"id": 1.0, "x": "é"},\n  {"id":3,"n":"b"},\n  {"id":"4","n":"a"}\n]\n',
    ],
    ['[{"id": 2}]', '[{"id":"4","n":"a"}]'],
    ['[ ]\n', '[{"id":"4","n":"a"}]\n'],
  ])('keeps the style of a JSON list: %j', async (old, next) => {
    await folder.write('t.json', old);
    const update = old.includes('3') ? [operation('update', 3, { n: 'b' })] : [];
    const changes = [operation('remove', 2, {}), ...update, operation('create', '4', { n: 'a' })];
    await folder.change('t.json', changes);
    expect(await folder.text('t.json')).toBe(next);
  });

  it('leaves a list, a table and lines that lost their last record right', async () => {
    for (const [name, old, next] of [
      ['t.json', '[\n  {"id": 2}\n]\n', '[]\n'],
      ['t.csv', 'id,n,v\r\n2,,\r\n', 'id,n,v\r\n'],
      ['t.jsonl', '{"id":2}\n', ''],
    ] as const) {
      await folder.write(name, old);
      await folder.change(name, [operation('remove', 2, {})]);
      expect(await folder.text(name)).toBe(next);
      await folder.change(name, [operation('create', 3, { n: 'x', v: null })]);
      expect(await readPages(await folder.source(name), ['n'])).toEqual([['x']]);
    }
  });

  it('packs by name, and what was packed', async () => {
    for (const name of ['t.csv.gz', 't.csv']) {
      if (name === 't.csv') await folder.write(name, gzipSync('id,n,v\n0,a,b\n'));
      await folder.change(name, [operation('create', '1', { n: 'é', v: null })]);
      const text = gunzipSync(await folder.bytes(name)).toString();
      expect(text).toMatch(/\n1,é,\n$/);
      await folder.change(name, [operation('update', '1', { n: 'ü' })]);
      const [found] = (await (await folder.target(name)).lookup?.([['1']])) ?? [];
      expect(found?.values).toEqual({ n: 'ü', v: null });
    }
  });

  it('begins a new file in UTF-16 with a mark', async () => {
    await folder.change('t.csv', [operation('create', '1', { n: 'é', v: '' })], {
      encoding: 'utf-16be',
    });
    expect(await folder.bytes('t.csv')).toEqual(big('\uFEFF"id","n","v"\n1,é,""\n'));
  });

  it('refuses a record with a character that the encoding lacks, and writes the others (R8)', async () => {
    const destination = await folder.target('t.csv', { encoding: 'iso-8859-15' });
    const results = await destination.write([
      operation('create', '1', { n: '木' }),
      operation('create', '2', { n: '€' }),
      operation('create', '\uD83D', {}),
    ]);
    expect(results).toMatchObject([
      { ok: false, class: 'record', code: 'invalid_value', field: 'n' },
      { ok: true },
      { ok: false, class: 'record', code: 'invalid_value', field: 'id' },
    ]);
    expect(JSON.stringify(results)).not.toContain('木');
    await destination.finish?.('run', 1);
    expect(await folder.bytes('t.csv')).toEqual(
      Buffer.concat([Buffer.from('"id","n","v"\n2,'), Buffer.of(0xa4), Buffer.from(',\n')]),
    );
    const utf8 = await folder.target('u.csv');
    expect(await utf8.write([operation('create', '1', { n: 'cut \uD83D' })])).toMatchObject([
      { ok: false, code: 'invalid_value' },
    ]);
  });

  it('writes any character into JSON of any encoding', async () => {
    const units = constantFrom('\uD83D', '\uDE00', '木', 'é', '€', '\u0000', '"', '\\', 'a');
    await assert(asyncProperty(string({ unit: units }), comesBack), { numRuns: 15 });
  });

  it('refuses to write what can only be read, and to rewrite what does not decode', async () => {
    const failure = { code: 'invalid_encoding' };
    const read = folder.target('t.csv', { encoding: 'shift_jis' });
    await expect(read).rejects.toMatchObject(failure);
    await folder.write('t.csv', latin('id,n\n1,é\n'));
    const destination = await folder.target('t.csv');
    await expect(destination.lookup?.([['1']])).rejects.toMatchObject(failure);
  });
});

async function comesBack(n: string): Promise<void> {
  const options = { encoding: 'windows-1252' };
  for (const name of ['t.jsonl', 't.json']) {
    await folder.change(name, [operation('create', 1, { n })], options, { fields: ['n'] });
    const source = await folder.source(name, options);
    expect(await readPages(source, ['n'])).toEqual([[n]]);
  }
}
