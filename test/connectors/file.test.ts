import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { file } from '../../src/connectors/file/file.ts';
import type { JsonObject } from '../../src/model/json.ts';
import type { Value } from '../../src/model/record.ts';
import { suiteFields, suiteTarget, type Harness } from './harness.ts';
import { connectorSuite } from './suite.ts';

const parts = { source: true, destination: 'records' } as const;

connectorSuite('file (csv)', parts, () =>
  harness('customers.csv', csvText, (text) => parse(text, { columns: true, bom: true }), {
    // A CSV file knows texts only, and every row of the seed has all cells.
    reads: (value) => value ?? '',
  }),
);

connectorSuite('file (jsonl)', parts, () => harness('customers.jsonl', jsonlText, parseJsonl));

connectorSuite('file (json)', parts, () =>
  harness(
    'customers.json',
    (records) => JSON.stringify(records, null, 2),
    (text) => JSON.parse(text) as JsonObject[],
  ),
);

async function harness(
  stream: string,
  write: (records: readonly JsonObject[]) => string,
  read: (text: string) => JsonObject[],
  more: Partial<Harness> = {},
): Promise<Harness> {
  const path = await mkdtemp(join(tmpdir(), 'sluice-file-'));
  return {
    connector: file,
    settings: { path },
    broken: { 'a folder that is not there': { path: join(path, 'nowhere') } },
    // What it needs for it, it was told.
    local: ['settled'],
    trace: () => everythingIn(path),
    seed: (records) => writeFile(join(path, stream), write(records)),
    readBack: async () => read(await readFile(join(path, stream), 'utf8')),
    sourceRequest: () => ({ stream, key: ['code'], options: {} }),
    watermarked: () => ({ stream, key: ['code'], options: {}, watermark: 'note' }),
    target: (options) => suiteTarget(stream, options),
    wrongStream: { stream: stream.replace('customers', 'custmers'), nearest: stream },
    close: () => rm(path, { recursive: true, force: true }),
    ...more,
  };
}

/** All files of a folder with what they hold, hidden ones too. */
async function everythingIn(path: string): Promise<[string, string][]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const names = files.map((entry) => join(entry.parentPath, entry.name)).toSorted();
  return Promise.all(
    names.map(async (name): Promise<[string, string]> => [name, await readFile(name, 'utf8')]),
  );
}

function csvText(records: readonly JsonObject[]): string {
  const rows = records.map((record) => suiteFields.map((name) => cell(record[name])).join(','));
  return ['\uFEFFcode,name,note', ...rows, ''].join('\r\n');
}

function jsonlText(records: readonly JsonObject[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join('');
}

function parseJsonl(text: string): JsonObject[] {
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as JsonObject);
}

function cell(value: Value): string {
  return `"${typeof value === 'string' ? value.replaceAll('"', '""') : ''}"`;
}
