import { appendFile, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ChangeJournal, type Entry } from './journal.ts';
import { Folder, operation } from '../testing/folder.ts';

const journals = '.t.jsonl.s.sluice-journals';

let folder: Folder;
beforeEach(async () => {
  folder = await Folder.make();
});
afterEach(() => folder.remove());

it('keeps every one of many large appends that overlap, of several writers', async () => {
  const writers = [journal(), journal()] as const;
  const ids = Array.from({ length: 12 }, (_, at) => `op-${at}`);
  const appends = ids.map((id, at) => {
    // Larger than what Node writes at once.
    const rows = Array.from({ length: 40 }, (_, row) => entry(`${id}-${row}`, 'x'.repeat(20_000)));
    const [one, other] = writers;
    return (at % 2 === 0 ? one : other).append(rows);
  });
  await Promise.all(appends);
  const found = await idsIn(journal());
  expect(found.toSorted()).toEqual(
    ids.flatMap((id) => Array.from({ length: 40 }, (_, row) => `${id}-${row}`)).toSorted(),
  );
});

it('leaves out a torn end, which was never acknowledged', async () => {
  const writer = journal();
  await writer.append([entry('a'), entry('b')]);
  const [file = ''] = await files();
  const { length } = await readFile(file);
  for (const cut of [2, 5, 40]) {
    await truncate(file, length - cut);
    expect(await idsIn(journal())).toEqual(['a']);
  }
});

it('fails where anything else cannot be read', async () => {
  const writer = journal();
  await writer.append([entry('a'), entry('b')]);
  await writer.append([entry('c')]);
  const [file = ''] = await files();
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replace('"b"', '"B"'));
  await expect(idsIn(journal())).rejects.toMatchObject({ code: 'journal_damaged' });
  await writeFile(file, text);
  await appendFile(file, '00000000 {"id":"d"}\n\n');
  await expect(idsIn(journal())).rejects.toMatchObject({ code: 'journal_damaged' });
});

it('does not begin anew when its file has gone', async () => {
  const writer = journal();
  await writer.append([entry('a')]);
  for (const file of await files()) await rm(file);
  await expect(writer.append([entry('b')])).rejects.toMatchObject({ code: 'ENOENT' });
});

it('drops what its run and those before have left, and nothing of a later one', async () => {
  const later = journal('sun');
  await later.append([entry('x')]);
  await journal('before').append([entry('b')]);
  await journal().append([entry('a')]);
  await writeFile(await journal().scratch(), 'half a file');
  await journal().delete();
  expect(await idsIn(journal())).toEqual([]);
  expect(await idsIn(journal('before'))).toEqual([]);
  expect(await idsIn(later)).toEqual(['x']);
  await later.delete();
  await later.delete();
  expect(await readdir(folder.path)).toEqual([]);
});

it('writes the next content where no other attempt does (R6)', async () => {
  const [one, other] = [await journal().scratch(), await journal().scratch()];
  expect(one).not.toBe(other);
});

it.each([
  ['lost lines', (file: string) => truncate(file, 20)],
  ['lost file', (file: string) => rm(file)],
])('fails the run that has %s of what it acknowledged', async (_, damage) => {
  await folder.write('t.jsonl', '{"id":"old"}\n');
  const destination = await folder.target('t.jsonl');
  await destination.write([operation('create', 'a', {}), operation('create', 'b', {})]);
  for (const file of await files()) await damage(file);
  await expect(destination.finish?.('run', 2)).rejects.toMatchObject({
    code: 'journal_damaged',
    connection: 'files',
    message: expect.stringContaining('2 records') as string,
  });
  expect(await folder.text('t.jsonl')).toBe('{"id":"old"}\n');
});

it('fails the run whose updated record, or whose file, has gone meanwhile', async () => {
  await folder.write('t.jsonl', '{"id":"a"}\n{"id":"b"}\n');
  const destination = await folder.target('t.jsonl');
  await destination.write([operation('update', 'a', { n: 1 })]);
  await folder.write('t.jsonl', '{"id":"b"}\n');
  const failure = { code: 'file_changed', connection: 'files' };
  await expect(destination.finish?.('run', 1)).rejects.toMatchObject(failure);
  expect(await folder.text('t.jsonl')).toBe('{"id":"b"}\n');
  await rm(folder.file('t.jsonl'));
  await expect(destination.finish?.('run', 1)).rejects.toMatchObject(failure);
});

function journal(run = 'run'): ChangeJournal {
  return new ChangeJournal({ name: 't.jsonl', path: folder.file('t.jsonl') }, 's', run);
}

function entry(id: string, text = ''): Entry {
  return { id, chunk: 0, operation: 'create', key: [id], values: { text } };
}

async function idsIn(read: ChangeJournal): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of read.entries()) ids.push(id);
  return ids;
}

async function files(): Promise<string[]> {
  const names = await readdir(folder.file(journals));
  return names.map((name) => join(folder.file(journals), name));
}
