import type { JsonObject } from '../../model/json.ts';
import { csvRows } from './csv-rows.ts';
import { malformed } from './failures.ts';
import { start, type Located, type Position, type Reading } from './position.ts';

/**
 * The column names of a CSV file, in order; empty for an empty file.
 * @throws ConfigError `malformed_file` if a name repeats
 */
export async function csvHeader(reading: Reading): Promise<string[]> {
  for await (const row of csvRows({ ...reading, empty: 'text' }, start, 1)) {
    const names = row.cells.map(String);
    const repeated = names.find((name, index) => names.indexOf(name) !== index);
    if (repeated !== undefined) throw malformed(reading.name, 1, `column ${repeated} repeats`);
    return names;
  }
  return [];
}

/** The records of a CSV file from a position on; a cell that the row lacks is absent. */
export async function* csvRecords(
  reading: Reading,
  header: readonly string[],
  from: Position,
): AsyncIterable<Located> {
  let isHeader = from.byte === start.byte;
  for await (const { cells, end } of csvRows(reading, from)) {
    if (isHeader) {
      isHeader = false;
      continue;
    }
    if (cells.length > header.length) {
      const why = `${cells.length} cells, but ${header.length} columns`;
      throw malformed(reading.name, end.line, why);
    }
    yield { record: named(header, cells), end };
  }
}

function named(header: readonly string[], cells: readonly (string | null)[]): JsonObject {
  const record: JsonObject = {};
  for (const [index, cell] of cells.entries()) record[header[index] ?? ''] = cell;
  return record;
}
