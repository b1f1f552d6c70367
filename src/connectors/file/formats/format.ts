import { extname } from 'node:path';
import { ConfigError } from '../../../model/failure.ts';
import { chunks } from '../stored/chunks.ts';
import { lines } from './lines.ts';
import { parseObject } from './object.ts';
import { start } from './position.ts';
import type { Stored } from '../stored/stored.ts';

/** How a file is written. */
export type Format = 'csv' | 'jsonl' | 'json';

const byExtension: Readonly<Record<string, Format>> = {
  '.csv': 'csv',
  '.tsv': 'csv',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
  '.json': 'json',
};

/** The format that a file's extension stands for, before that of gzip; undefined for any other extension. */
export function formatByName(name: string): Format | undefined {
  return byExtension[extname(unpackedName(name))];
}

/** Whether a file of this name is packed by gzip when it is made. */
export function isPackedName(name: string): boolean {
  return name.toLowerCase().endsWith('.gz');
}

function unpackedName(name: string): string {
  return name.toLowerCase().replace(/\.gz$/, '');
}

/**
 * The format of a stream: the one its options name, else its extension's.
 * @throws ConfigError `unknown_format`
 */
export function formatOf(name: string, option: Format | undefined): Format {
  const format = option ?? formatByName(name);
  if (format !== undefined) return format;
  throw new ConfigError(
    'unknown_format',
    `${name}: the extension says no format; set format to csv, jsonl or json`,
  );
}

/**
 * The format of a file that is there: JSON Lines that are called .json are told by two lines that are objects.
 * @throws ConfigError `unknown_format`
 */
export async function formatIn(file: Stored, option: Format | undefined): Promise<Format> {
  const format = formatOf(file.name, option);
  return format === 'json' && option === undefined && (await isJsonLines(file)) ? 'jsonl' : format;
}

async function isJsonLines(file: Stored): Promise<boolean> {
  if (!(await beginsAnObject(file))) return false;
  let count = 0;
  for await (const { text } of lines(file, start, { growing: false })) {
    const line = text.toString('utf8').trim();
    if (line === '') continue;
    if (parseObject(line) === undefined) return false;
    count += 1;
    if (count === 2) return true;
  }
  return false;
}

async function beginsAnObject(file: Stored): Promise<boolean> {
  for await (const chunk of chunks(file, 0)) {
    const text = chunk.toString('utf8').trimStart();
    if (text !== '') return text.startsWith('{');
  }
  return false;
}

/** What stands between two cells of a CSV file, unless the options say it. */
export function delimiterOf(name: string, option: string | undefined): string {
  return option ?? (unpackedName(name).endsWith('.tsv') ? '\t' : ',');
}
