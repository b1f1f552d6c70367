import { extname } from 'node:path';
import { ConfigError } from '../../model/failure.ts';

/** How a file is written. */
export type Format = 'csv' | 'jsonl' | 'json';

const byExtension: Readonly<Record<string, Format>> = {
  '.csv': 'csv',
  '.tsv': 'csv',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
  '.json': 'json',
};

/** The format that a file's extension stands for; undefined for any other extension. */
export function formatByName(name: string): Format | undefined {
  return byExtension[extname(name).toLowerCase()];
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

/** What stands between two cells of a CSV file, unless the options say it. */
export function delimiterOf(name: string, option: string | undefined): string {
  return option ?? (name.toLowerCase().endsWith('.tsv') ? '\t' : ',');
}
