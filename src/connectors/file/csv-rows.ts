import { CsvError, parse } from 'csv-parse/sync';
import { codeOf, malformed } from './failures.ts';
import { lines } from './lines.ts';
import { start, type Position, type Reading } from './position.ts';
import { tailOf } from './state.ts';

const quote = 0x22;
/** A row that spans lines may take this many bytes; more means a quote that nobody closed. */
const longestRow = 16 * 1024 * 1024;
/** Rows are parsed together up to this many bytes: one parser a row would cost more than the parsing. */
const blockSize = 64 * 1024;

/** One row of a CSV file; a cell is null only if `Reading.empty` says so. */
export interface Row {
  readonly cells: readonly (string | null)[];
  readonly end: Position;
}

interface Unparsed {
  readonly text: string;
  readonly end: Position;
}

/** The rows of a CSV file from a position on, empty lines left out. */
export async function* csvRows(
  reading: Reading,
  from: Position,
  size = blockSize,
): AsyncIterable<Row> {
  let block: Unparsed[] = [];
  let { byte: begin, line } = from;
  for await (const row of splitRows(reading, from)) {
    block.push(row);
    if (row.end.byte - begin < size) continue;
    yield* parseBlock(reading, block, line);
    ({ byte: begin, line } = row.end);
    block = [];
  }
  if (block.length > 0) yield* parseBlock(reading, block, line);
}

/** Cuts at the line breaks outside quotes: an even number of quotes stands before them. */
async function* splitRows(reading: Reading, from: Position): AsyncIterable<Unparsed> {
  let held: Buffer[] = [];
  let { byte: begin, line } = from;
  let isOpen = false;
  for await (const { text, end } of lines(reading.path, from, tailOf(reading))) {
    if (hasOddQuotes(text)) isOpen = !isOpen;
    held.push(text);
    if (isOpen && end.byte - begin > longestRow) break;
    if (isOpen) continue;
    const whole = held.map(String).join('\n').replace(/\r$/, '');
    const row = begin === start.byte ? whole.replace(/^\uFEFF/, '') : whole;
    if (row !== '') yield { text: row, end };
    held = [];
    ({ byte: begin, line } = end);
  }
  if (isOpen) throw malformed(reading.name, line + 1, 'a quote is not closed');
}

function hasOddQuotes(line: Buffer): boolean {
  let isOdd = false;
  for (let at = line.indexOf(quote); at >= 0; at = line.indexOf(quote, at + 1)) isOdd = !isOdd;
  return isOdd;
}

function parseBlock(reading: Reading, block: readonly Unparsed[], line: number): Row[] {
  const text = block.map((row) => row.text).join('\n');
  const rows = parseText(reading, text, line);
  if (rows.length !== block.length) throw malformed(reading.name, line + 1, 'misplaced quotes');
  return block.map(({ end }, index) => ({ cells: rows[index] ?? [], end }));
}

function parseText(reading: Reading, text: string, line: number): (string | null)[][] {
  try {
    return parse(text, {
      delimiter: reading.delimiter,
      record_delimiter: '\n',
      relax_column_count: true,
      ...(reading.empty === 'null'
        ? { cast: (cell, context) => (cell === '' && !context.quoting ? null : cell) }
        : {}),
    });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const within = typeof error['lines'] === 'number' ? error['lines'] : 1;
    throw malformed(reading.name, line + within, codeOf(error).toLowerCase());
  }
}
