import { extname } from 'node:path';
import { ConfigError } from '../../../model/failure.ts';
import { chunks } from '../stored/chunks.ts';
import { lines } from './lines.ts';
import { parseObject } from './object.ts';
import { start } from './position.ts';
import type { Stored } from '../stored/stored.ts';

/** The format of a file. */
export type Format = 'csv' | 'jsonl' | 'json';

const byExtension: Readonly<Record<string, Format>> = {
  '.csv': 'csv',
  '.tsv': 'csv',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
  '.json': 'json',
};

/** Returns the format of a file's extension (a final `.gz` is ignored); undefined for an unknown extension. */
export function formatByName(name: string): Format | undefined {
  return byExtension[extname(unpackedName(name))];
}

/** True when a new file of this name is compressed by gzip. */
export function isPackedName(name: string): boolean {
  return name.toLowerCase().endsWith('.gz');
}

function unpackedName(name: string): string {
  return name.toLowerCase().replace(/\.gz$/, '');
}

/**
 * Returns the format of a stream: the one its options name, else its extension's.
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
 * Returns the format of a file that exists. JSON Lines in a file called .json are recognised by two lines that are
 * objects.
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

/** Returns the text between two cells of a CSV file: the options', else a tab for .tsv and a comma for others. */
export function delimiterOf(name: string, option: string | undefined): string {
  return option ?? (unpackedName(name).endsWith('.tsv') ? '\t' : ',');
}
