import type { JsonObject } from '../../model/json.ts';
import type { Match } from '../../model/match.ts';
import { changesOf, type Change } from './changes.ts';
import { jsonCells, csvCells, type Cells } from './cells.ts';
import { csvHeader } from './csv.ts';
import { codeOf } from './failures.ts';
import type { Format } from './format.ts';
import type { Journal } from './journal.ts';
import { keyOf, keyText } from './key.ts';
import { start, type Reading } from './position.ts';
import { readRecords } from './records.ts';
import { replaceFile } from './write-file.ts';

/** What a file destination writes to. */
export interface FileTarget {
  readonly sync: string;
  readonly format: Format;
  readonly file: Reading;
  readonly journal: Journal;
  readonly key: readonly string[];
  readonly fields: readonly string[];
  /** Other fields than `fields` are written too. */
  readonly rest: boolean;
  readonly match: Match;
  readonly neutralizeFormulas: boolean;
}

/** The cells of a target's format. */
export function cellsOf(target: FileTarget): Cells {
  return target.format === 'csv' ? csvCells(target.neutralizeFormulas) : jsonCells;
}

/** The records as the file holds them, with the journal's changes made, in file order, then the new ones. */
export async function* storedRecords(target: FileTarget): AsyncIterable<JsonObject> {
  const { key, match, journal } = target;
  const cells = cellsOf(target);
  const changes = await changesOf(journal.entries(), key, match);
  const met = new Set<string>();
  for await (const stored of oldRecords(target)) {
    const text = keyText(keyOf(cells.decode(stored), key), match);
    const change = text === null ? undefined : changes.get(text);
    if (text !== null && change !== undefined) met.add(text);
    const record = change === undefined ? stored : changed(stored, change, cells);
    if (record !== null) yield record;
  }
  for (const [text, change] of changes) {
    if (met.has(text) || !change.create) continue;
    const record = changed({}, change, cells);
    if (record !== null) yield record;
  }
}

/** Replaces the target by the file with the journal's changes made; makes the file if there is none. */
export async function merge(target: FileTarget): Promise<void> {
  const { file, sync, format } = target;
  const columns = format === 'csv' ? await columnsOf(target) : [];
  const layout = { format, columns, delimiter: file.delimiter };
  await replaceFile(file.path, sync, layout, storedRecords(target));
}

/** The old columns stay, new ones follow; those of records that bring more fields come last. */
async function columnsOf({
  file,
  key,
  fields,
  match,
  rest,
  journal,
}: FileTarget): Promise<string[]> {
  const old: string[] = [];
  try {
    old.push(...(await csvHeader(file)));
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
  const columns = new Set([...old, ...key, ...fields]);
  if (!rest) return [...columns];
  const changes = await changesOf(journal.entries(), key, match);
  for (const { values } of changes.values())
    for (const name of Object.keys(values ?? {})) columns.add(name);
  return [...columns];
}

async function* oldRecords({ format, file }: FileTarget): AsyncIterable<JsonObject> {
  try {
    for await (const { record } of readRecords(format, file, start)) yield record;
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

function changed(stored: JsonObject, change: Change, cells: Cells): JsonObject | null {
  if (change.values === null) return null;
  const values = Object.entries(change.values).map(([name, value]) => [name, cells.encode(value)]);
  return { ...(change.replace ? {} : stored), ...Object.fromEntries(values) };
}
