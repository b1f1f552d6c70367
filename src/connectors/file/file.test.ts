import type { DirectConnection } from '../testing/direct.ts';
import { appendFile, mkdir, readdir, rename, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assert, asyncProperty, constantFrom, oneof, option, string } from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ExactNumber } from '../../model/json.ts';
import { file } from './file.ts';
import { collect, Folder, operation, readPages } from './testing/folder.ts';

let folder: Folder;
let path: string;
let connection: DirectConnection;

beforeEach(async () => {
  folder = await Folder.make();
  ({ path, connection } = folder);
});
afterEach(() => folder.remove());

describe('a file source', () => {
  it('reads the files of a glob by name, pages across them, and skips hidden ones', async () => {
    await mkdir(join(path, 'in/deep'), { recursive: true });
    await writeFile(join(path, 'in/b.csv'), 'id,n\n3,c\n');
    await writeFile(join(path, 'in/a.csv'), 'n,id\na,1\nb,2');
    await writeFile(join(path, 'in/.hidden.csv'), 'id,n\n9,x\n');
    await writeFile(join(path, 'in/deep/c.csv'), 'id,n\n4\n');
    const all = [
      ['1', 'a'],
      ['2', 'b'],
      ['3', 'c'],
    ];
    expect(await readAll('in/*.csv', ['id', 'n'], 1)).toEqual(all);
    expect(await readAll('**/*.csv', ['id', 'n'], 2)).toEqual([...all, ['4', undefined]]);
  });

  it('knows the columns of all files of a glob, and that JSON may have more fields than a sample', async () => {
    await writeFile(join(path, '0.csv'), '');
    await writeFile(join(path, '1.csv'), 'id,n\n1,a\n');
    await writeFile(join(path, '2.csv'), 'n,phone,id\nb,+49,2\n');
    const csv = await folder.source('*.csv');
    expect(csv.fields.map(({ name }) => name)).toEqual(['id', 'n', 'phone']);
    expect(csv.sampled).toBe(false);
    const records = Array.from({ length: 1001 }, (_, id) => (id < 1000 ? { id } : { id, late: 1 }));
    const lines = records.map((record) => `${JSON.stringify(record)}\n`);
    await writeFile(join(path, 'late.jsonl'), lines.join(''));
    const json = await folder.source('late.jsonl');
    expect([json.fields.length, json.sampled]).toEqual([1, true]);
    const limit = { records: 2000, bytes: 1e9 };
    const request = { cursor: null, since: null, until: null, fields: ['id'], rest: true, limit };
    const batches = [];
    for await (const batch of (await json.read(request)).batches()) batches.push(batch);
    expect(batches.at(-1)?.fields.map(({ name }) => name)).toEqual(['id', 'late']);
    expect(batches.at(-1)?.rows).toEqual([[1000, 1]]);
    const found = await json.lookup?.(['id'], [[1000]], ['id'], true);
    expect(found?.rows).toEqual([[1000, 1]]);
  });

  it('keeps numbers that a double cannot hold', async () => {
    await writeFile(
      join(path, 'n.json'),
      '\uFEFF [ {"id": 9007199254740993, "t": "}\\"]"},\n {"id":1.5} ]\n',
    );
    const rows = await readAll('n.json', ['id', 't'], 1);
    expect(rows).toEqual([
      [new ExactNumber('9007199254740993'), '}"]'],
      [1.5, undefined],
    ]);
  });

  it('refuses to go on in a file that was replaced or cut (R7)', async () => {
    const more = { since: null, until: null, fields: ['id'], limit: { records: 1, bytes: 1e6 } };
    await writeFile(join(path, 'c.jsonl'), '{"id":1}\n{"id":2}\n');
    const page = await (await folder.source('c.jsonl')).read({ cursor: null, ...more });
    for await (const batch of page.batches()) expect(batch.rows).toEqual([[1]]);
    const { cursor } = page.end();
    await writeFile(join(path, 'c.jsonl'), '{}');
    const next = await (await folder.source('c.jsonl')).read({ cursor, ...more });
    const failure = next.batches()[Symbol.asyncIterator]().next();
    await expect(failure).rejects.toMatchObject({ code: 'file_changed', connection: 'files' });
  });

  it('reads what a growing file held, and never half a record', async () => {
    await writeFile(join(path, 'g.csv'), 'id,n\n1,a\n2,b\n');
    const source = await folder.source('g.csv');
    const more = { since: null, until: null, fields: ['id', 'n'] };
    const first = await source.read({ cursor: null, limit: { records: 1, bytes: 1e6 }, ...more });
    for await (const _ of first.batches());
    await appendFile(join(path, 'g.csv'), '3,hal');
    const { cursor } = first.end();
    const rest = { cursor, limit: { records: 10, bytes: 1e6 }, ...more };
    const half = collect(await source.read(rest));
    setTimeout(() => void appendFile(join(path, 'g.csv'), 'f\n'), 300);
    await expect(half).rejects.toMatchObject({ code: 'file_busy' });
    expect(await collect(await source.read(rest))).toEqual([
      ['2', 'b'],
      ['3', 'half'],
    ]);
    await writeFile(join(path, 'h.jsonl'), '{"id":1}\n{"id":');
    const torn = readAll('h.jsonl', ['id'], 10);
    setTimeout(() => void appendFile(join(path, 'h.jsonl'), '2}\n'), 300);
    await expect(torn).rejects.toMatchObject({ code: 'file_busy' });
    expect(await readAll('h.jsonl', ['id'], 10)).toEqual([[1], [2]]);
  });

  it('is called off while it waits for a file to come to rest', async () => {
    await writeFile(join(path, 'long.csv'), 'id\n1');
    await writeFile(join(path, 'short.csv'), 'id\n2');
    const earlier = Date.now() / 1000 - 1;
    await utimes(join(path, 'short.csv'), earlier, earlier);
    const stop = new AbortController();
    const ends: unknown[] = [];
    const stopped = readAtRest('long.csv', stop.signal).catch((error: unknown) => ends.push(error));
    const whole = readAtRest('short.csv').then((rows) => ends.push(rows));
    setTimeout(() => stop.abort(new Error('stopped')), 100);
    await Promise.all([whole, stopped]);
    expect(ends).toEqual([stop.signal.reason, [['2']]]);
  });

  it.each([
    ['grows', (name: string) => appendFile(name, '5,e\n')],
    ['is rewritten in place', (name: string) => writeFile(name, 'id,n\n7,x\n8,y\n9,z\n10,w\n')],
    ['is replaced', (name: string) => replace(name, 'id,n\n1,a\n2,b\n3,c\n4,d\n')],
    ['is cut', (name: string) => writeFile(name, 'id,n\n1,a\n')],
  ])('refuses a whole read of a file that %s meanwhile (R7)', async (_, change) => {
    const name = join(path, 'm.csv');
    await writeFile(name, 'id,n\n1,a\n2,b\n3,c\n4,d\n');
    const request = { stream: 'm.csv', key: ['id'], options: {}, whole: true };
    const source = await connection.source?.(request);
    const more = { since: null, until: null, fields: ['id'], limit: { records: 2, bytes: 1e6 } };
    const first = await source?.read({ cursor: null, ...more });
    if (source === undefined || first === undefined) throw new Error('no source');
    expect(await collect(first)).toEqual([['1'], ['2']]);
    await change(name);
    const second = await source.read({ cursor: first.end().cursor, ...more });
    await expect(collect(second)).rejects.toMatchObject({ code: 'file_changed' });
    const again = await source.read({ cursor: null, ...more });
    const reading = collect(again);
    setTimeout(() => void change(name), 100);
    // The first page waits until nobody writes to the file, and then reads what it holds.
    await reading;
  });

  it('reads only what the watermark asks for', async () => {
    await writeFile(join(path, 'w.csv'), 'id,at\n1,9\n2,10\n3,\n4,11\n');
    const source = await folder.source('w.csv', {}, { watermark: 'at' });
    expect(await source.highWatermark?.()).toBe('11');
    expect(await readPages(source, ['id'], 10, { since: '10', until: '10' })).toEqual([
      ['2'],
      ['3'],
    ]);
    const wrong = connection.source?.({
      stream: 'w.csv',
      key: ['id'],
      watermark: 'att',
      options: {},
    });
    await expect(wrong).rejects.toMatchObject({
      code: 'unknown_field',
      message: expect.stringContaining('nearest: at') as string,
    });
  });

  it.each([
    ['a.csv', 'id,n\n1,x\n2,"y\n', 'a.csv, line 3'],
    ['b.csv', 'id,n\n1,x\n2,y,z\n', 'b.csv, line 3'],
    ['c.jsonl', '{"id":1}\n\n{"id":\n', 'c.jsonl, line 3'],
    ['d.json', '[{"id":1},\n{"id":2}', 'd.json, line 2'],
    ['e.json', '[{"id":1}\n{"id":2}]', 'e.json, line 2'],
  ])('names the file and the line of what it cannot read: %s', async (name, content, where) => {
    await writeFile(join(path, name), content);
    const failure = readAll(name, ['id'], 1);
    await expect(failure).rejects.toMatchObject({
      code: 'malformed_file',
      message: expect.stringContaining(where) as string,
    });
  });

  it.each(['../x.csv', '/etc/hosts', 'link/x.csv', '../*.csv'])(
    'stays in its directory: %s',
    async (stream) => {
      await symlink(tmpdir(), join(path, 'link'));
      const source = connection.source?.({ stream, key: [], options: {} });
      await expect(source).rejects.toMatchObject({ code: 'invalid_stream' });
    },
  );
});

describe('a file destination', () => {
  it('makes a missing file, with its header', async () => {
    const destination = await folder.target('new.csv');
    await destination.finish?.('run', 0);
    expect(await folder.text('new.csv')).toBe('"id","n","v"\n');
  });

  it('keeps old columns and untouched cells, appends new columns, tells null from empty', async () => {
    await writeFile(join(path, 't.csv'), '\uFEFFother,id\r\n=x,1\r\n"",2\r\n,3\r\n');
    const destination = await folder.target('t.csv', { neutralizeFormulas: true });
    await destination.write([operation('update', '1', { n: '=1+1', v: -5 })]);
    await destination.write([operation('create', '4', { n: '', v: null })]);
    const [found] = (await destination.lookup?.([['1']])) ?? [];
    expect(found?.values).toEqual({ n: '=1+1', v: '-5' });
    await destination.finish?.('run', 2);
    expect(await folder.text('t.csv')).toBe(
      `\uFEFFother,id,n,v\r\n=x,1,'=1+1,-5\r\n"",2,,\r\n,3,,\r\n,4,"",\r\n`,
    );
  });

  it('survives a repeated finish, and leaves nothing behind', async () => {
    await writeFile(join(path, 't.jsonl'), '{"id":9007199254740993,"x":1.10}\n');
    const destination = await folder.target('t.jsonl');
    await destination.write([operation('create', 'a', { n: 'one' })], { chunk: 0 });
    await destination.write([operation('update', 'a', { n: 'two' })], { chunk: 1 });
    await destination.write(
      [operation('remove', '9007199254740993', {}), operation('create', 'b', {})],
      { chunk: 2 },
    );
    expect(await folder.text('t.jsonl')).toContain('9007199254740993');
    await destination.finish?.('run', 4);
    const expected = '{"id":"a","n":"two"}\n{"id":"b"}\n';
    expect(await folder.text('t.jsonl')).toBe(expected);
    // As after a crash between the rename and the end of the run.
    const again = await folder.target('t.jsonl');
    await again.finish?.('run', 4);
    await again.forget?.('run');
    expect(await folder.text('t.jsonl')).toBe(expected);
    expect(await readdir(path)).toEqual(['t.jsonl']);
  });

  it('takes the later chunk for what a record is, whichever worker wrote last (R6)', async () => {
    const frozen = await folder.target('f.jsonl');
    const other = await folder.target('f.jsonl');
    await other.write([operation('create', 'a', { n: 'one' })], { chunk: 1 });
    await other.write([operation('update', 'a', { n: 'two' })], { chunk: 2 });
    await frozen.write([operation('create', 'a', { n: 'one' })], { chunk: 1 });
    await other.finish?.('run', 2);
    expect(await folder.text('f.jsonl')).toBe('{"id":"a","n":"two"}\n');
  });

  it('knows nothing of what another run has left', async () => {
    await (
      await folder.target('o.jsonl', {}, { run: 'before' })
    ).write([operation('create', 'a', {})]);
    const destination = await folder.target('o.jsonl');
    expect(await destination.lookup?.([['a']])).toEqual([]);
    await destination.finish?.('run', 0);
    expect(await folder.text('o.jsonl')).toBe('');
  });

  it('forgets a run that ended early', async () => {
    await writeFile(join(path, 't.json'), '[]');
    const destination = await folder.target('t.json');
    await destination.write([operation('create', 'a', {})]);
    await destination.forget?.('run');
    await destination.finish?.('run', 0);
    expect(await folder.text('t.json')).toBe('[]');
    expect(await readdir(path)).toEqual(['t.json']);
  });

  it.each(['r.csv', 'r.jsonl', 'r.json'])('gives back every text exactly: %s', async (stream) => {
    const value = option(
      oneof(
        string({ unit: 'binary' }),
        string({ unit: constantFrom('"', ',', '\r', '\n', "'", '=', ' ') }),
      ),
    );
    const check = async (n: string | null, v: string | null) => {
      const destination = await folder.target(stream, { neutralizeFormulas: true });
      await destination.write([operation('create', 'k', { n, v })]);
      await destination.finish?.('run', 1);
      await destination.forget?.('run');
      const [found] = (await (await folder.target(stream)).lookup?.([['k']])) ?? [];
      const [same] = (await destination.lookup?.([['k']])) ?? [];
      expect(same?.values).toEqual({ n, v });
      expect(found?.key).toEqual(['k']);
    };
    await assert(asyncProperty(value, value, check), { numRuns: 25 });
  });

  it('refuses to tell ids, which a file does not give', async () => {
    await expect(folder.target('out.csv', {}, { id: 'n' })).rejects.toMatchObject({
      code: 'invalid_id',
    });
  });

  it('refuses a glob', async () => {
    const modes = file.destination?.modes({ path }, { stream: '*.csv', options: {} });
    expect(modes?.upsert).toMatch(/many files/);
    await expect(folder.target('*.csv')).rejects.toMatchObject({ code: 'invalid_stream' });
  });
});

/** Replaces a file by another one, as careful writers do. */
async function replace(name: string, content: string): Promise<void> {
  await writeFile(`${name}.new`, content);
  await rename(`${name}.new`, name);
}

async function readAtRest(name: string, signal?: AbortSignal): Promise<unknown> {
  const limit = { records: 10, bytes: 1e6 };
  const request = { cursor: null, since: null, until: null, fields: ['id'], limit };
  const source = await folder.source(name);
  return collect(await source.read({ ...request, ...(signal && { signal }) }));
}

async function readAll(stream: string, fields: string[], size: number): Promise<unknown[]> {
  return readPages(await folder.source(stream), fields, size);
}
