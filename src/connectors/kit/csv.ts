import { CsvError, parse } from 'csv-parse/sync';
import type { Call } from './http/call.ts';
import { unexpected } from './http/failures.ts';

/** A table of texts, as the jobs of vendors take and give it. */
export interface CsvTable {
  readonly names: readonly string[];
  /** One text per name. */
  readonly rows: readonly (readonly string[])[];
}

/**
 * Writes a table as CSV (RFC 4180) with `\n` between rows, such as for the rows of Salesforce's Bulk API 2.0
 * (`lineEnding: LF`): `{ names: ['Id', 'Name'], rows: [['1', 'Ham, smoked']] }` is `Id,Name\n1,"Ham, smoked"\n`. A vendor's own
 * text for null is put into the cell by the caller.
 */
export function csvOf({ names, rows }: CsvTable): string {
  // A row that is one empty cell would be an empty line, which readers skip.
  return [names, ...rows].map((row) => `${row.map(cellOf).join(',') || '""'}\n`).join('');
}

/**
 * Reads an answer in CSV whose first row has the names of the columns.
 * @throws ConfigError `unexpected_answer` where it is no CSV, or rows have more or fewer cells than the first
 */
export function parseCsv(
  text: string,
  call: Pick<Call, 'method' | 'label'>,
  connection: string,
): CsvTable {
  try {
    const [names = [], ...rows] = parse(text, { bom: true, skip_empty_lines: true });
    return { names, rows };
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    // The parser's own message may quote a record.
    throw unexpected(call, 'the answer is not CSV with as many cells in every row', connection);
  }
}

function cellOf(text: string): string {
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
