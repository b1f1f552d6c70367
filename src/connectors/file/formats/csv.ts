import type { JsonObject } from '../../../model/json.ts';
import { csvRows, headerOf, type Row } from './csv-rows.ts';
import { emptyObject } from './object.ts';
import { start, type Located, type Position, type Reading } from './position.ts';

/**
 * Returns the column names of a CSV file, in order; empty for an empty file.
 * @throws ConfigError `malformed_file` if it cannot be read, or a name repeats
 */
export async function csvHeader(reading: Reading, signal?: AbortSignal): Promise<string[]> {
  return [...((await headerOf(reading, signal))?.names ?? [])];
}

/** Reads the records of a CSV file from a position on. A cell that the row lacks is absent from the record. */
export async function* csvRecords(
  reading: Reading,
  header: readonly string[],
  from: Position,
  signal?: AbortSignal,
): AsyncIterable<Located> {
  let isHeader = from.byte === start.byte;
  for await (const row of csvRows(reading, from, signal)) {
    if (!isHeader) yield located(reading.name, header, row);
    isHeader = false;
  }
}

function located(name: string, header: readonly string[], row: Row): Located {
  const { cells, from, to, end } = row;
  const more = `${name}, line ${row.line}: ${cells.length} cells, but ${header.length} columns`;
  const fault = row.fault ?? (cells.length > header.length ? more : undefined);
  const record = named(header, cells);
  return { record, from, to, end, ...(fault !== undefined && { fault }) };
}

function named(header: readonly string[], cells: readonly (string | null)[]): JsonObject {
  const record = emptyObject();
  for (const [index, name] of header.entries()) {
    const cell = cells[index];
    if (cell !== undefined) record[name] = cell;
  }
  return record;
}
