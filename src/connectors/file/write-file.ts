import { open, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { stringify } from 'csv-stringify/sync';
import type { JsonObject } from '../../model/json.ts';
import type { Format } from './format.ts';
import { codeOf } from './failures.ts';
import { stringifyJson } from '../json.ts';

/** Text is written in pieces of about this many characters. */
const pieceSize = 256 * 1024;

/** What a file is written as. */
export interface Layout {
  readonly format: Format;
  /** CSV only: the columns, in order. */
  readonly columns: readonly string[];
  /** CSV only. */
  readonly delimiter: string;
}

/**
 * Replaces a file as a whole: readers see the old content or the new, also after a crash.
 * @param sync names the temporary file, which a repeated call overwrites
 */
export async function replaceFile(
  path: string,
  sync: string,
  layout: Layout,
  records: AsyncIterable<JsonObject>,
): Promise<void> {
  const temporary = temporaryOf(path, sync);
  const file = await open(temporary, 'w', await modeOf(path));
  try {
    await writeAll(file, textOf(layout, records));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncDirectory(dirname(path));
}

/** Deletes what a crash in `replaceFile` left behind, if anything. */
export async function discardReplacement(path: string, sync: string): Promise<void> {
  await rm(temporaryOf(path, sync), { force: true });
}

function temporaryOf(path: string, sync: string): string {
  return join(dirname(path), `.${basename(path)}.${sync}.sluice-new`);
}

async function modeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).mode;
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    return 0o666;
  }
}

async function writeAll(file: FileHandle, texts: AsyncIterable<string>): Promise<void> {
  let held = '';
  for await (const text of texts) {
    held += text;
    if (held.length < pieceSize) continue;
    await file.writeFile(held);
    held = '';
  }
  await file.writeFile(held);
}

/** Makes the rename itself durable, where the system can do that. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r').catch(() => undefined);
  await directory?.sync().catch(() => undefined);
  await directory?.close();
}

async function* textOf(layout: Layout, records: AsyncIterable<JsonObject>): AsyncIterable<string> {
  const { format, columns } = layout;
  if (format === 'csv') {
    yield csvRow(columns, layout.delimiter);
    for await (const record of records) {
      const cells = columns.map((column) => record[column]);
      yield csvRow(cells, layout.delimiter);
    }
    return;
  }
  if (format === 'jsonl') {
    for await (const record of records) yield `${stringifyJson(record)}\n`;
    return;
  }
  let before = '[\n';
  for await (const record of records) {
    yield `${before}${stringifyJson(record)}`;
    before = ',\n';
  }
  yield before === '[\n' ? '[]\n' : '\n]\n';
}

/** Quotes also the empty text, which tells it from null, and line breaks of any kind. */
function csvRow(cells: readonly unknown[], delimiter: string): string {
  return stringify([[...cells]], { delimiter, quoted_match: /^$|[\r\n]/ });
}
