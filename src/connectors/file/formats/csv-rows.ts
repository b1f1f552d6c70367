import { CsvError, parse } from 'csv-parse/sync';
import { textOf } from '../stored/encoding.ts';
import { codeOf, malformed } from '../failures.ts';
import { lines, type Piece } from './lines.ts';
import { start, type Position, type Reading } from './position.ts';

const quote = 0x22;
const carriageReturn = 0x0d;
/** The most bytes of a row that spans several lines. A longer row means a quote that nobody closed. */
const longestRow = 16 * 1024 * 1024;
/** Rows are parsed together up to this many bytes: one parser a row would cost more than the parsing. */
const blockSize = 64 * 1024;

/**
 * A row's text and its place. `from` and `to` are byte offsets, without the line break; `line` is its first line,
 * counted from 1.
 */
export interface RowText {
  readonly text: string;
  readonly from: number;
  readonly to: number;
  readonly line: number;
  readonly end: Position;
}

/** One row of a CSV file. A cell is null only if `Reading.nulls` says so. A row with a fault has no cells. */
export interface Row extends RowText {
  readonly cells: readonly (string | null)[];
  /** The reason why it could not be read, with its line. */
  readonly fault?: string;
}

/** The rows of a CSV file from a position on, empty lines left out. */
export async function* csvRows(
  reading: Reading,
  from: Position,
  signal?: AbortSignal,
): AsyncIterable<Row> {
  let block: RowText[] = [];
  let size = 0;
  for await (const row of rowTexts(reading, from, signal)) {
    block.push(row);
    size += row.text.length;
    if (size < blockSize) continue;
    yield* parseBlock(reading, block);
    block = [];
    size = 0;
  }
  if (block.length > 0) yield* parseBlock(reading, block);
}

/** The texts of the rows: cut at the line breaks outside quotes, which open only at the start of a cell. */
export async function* rowTexts(
  reading: Reading,
  from: Position,
  signal?: AbortSignal,
): AsyncIterable<RowText> {
  const delimiter = Buffer.from(reading.delimiter);
  let held: Piece[] = [];
  let begin: Position = from;
  let isOpen = false;
  for await (const piece of lines(reading, from, { signal })) {
    isOpen = isOpenAfter(piece.text, isOpen, delimiter);
    held.push(piece);
    if (isOpen && piece.end.byte - begin.byte > longestRow) break;
    if (isOpen) continue;
    const row = joined(reading.name, held, begin);
    if (row.text !== '') yield row;
    held = [];
    begin = piece.end;
  }
  if (isOpen) throw malformed(reading.name, begin.line + 1, 'a quote is not closed');
}

function isOpenAfter(line: Buffer, wasOpen: boolean, delimiter: Buffer): boolean {
  let isOpen = wasOpen;
  for (let at = line.indexOf(quote); at >= 0; at = line.indexOf(quote, at + 1)) {
    if (!isOpen) isOpen = isCellStart(line, at, delimiter);
    else if (line[at + 1] === quote) at += 1;
    else isOpen = false;
  }
  return isOpen;
}

function isCellStart(line: Buffer, at: number, delimiter: Buffer): boolean {
  return (
    at === 0 ||
    (at >= delimiter.length && line.subarray(at - delimiter.length, at).equals(delimiter))
  );
}

function joined(name: string, pieces: readonly Piece[], begin: Position): RowText {
  const [first, ...more] = pieces;
  const last = pieces.at(-1);
  if (first === undefined || last === undefined) throw new Error('a row has a line');
  const whole = more.length === 0 ? first.text : joinedLines(pieces);
  const bytes = whole.at(-1) === carriageReturn ? whole.subarray(0, -1) : whole;
  const text = textOf(name, bytes, { byte: first.from, line: begin.line });
  const place = { from: first.from, to: first.from + bytes.length };
  return { text, ...place, line: begin.line + 1, end: last.end };
}

function joinedLines(pieces: readonly Piece[]): Buffer {
  const newline = Buffer.from('\n');
  return Buffer.concat(pieces.flatMap(({ text }, at) => (at === 0 ? [text] : [newline, text])));
}

/** Parses rows together. If that fails, each is parsed alone, so that only the faulty ones fail. */
function parseBlock(reading: Reading, block: readonly RowText[]): Row[] {
  const rows = attempt(reading, block.map(({ text }) => text).join('\n'));
  if (Array.isArray(rows) && rows.length === block.length)
    return block.map((row, at) => ({ ...row, cells: rows[at] ?? [] }));
  return block.map((row) => {
    const parsed = attempt(reading, row.text);
    const [cells] = Array.isArray(parsed) ? parsed : [];
    if (cells !== undefined && parsed.length === 1) return { ...row, cells };
    const why = typeof parsed === 'string' ? parsed : 'misplaced quotes';
    return { ...row, cells: [], fault: `${reading.name}, line ${row.line}: ${why}` };
  });
}

/** Returns the cells of rows, or the reason why they cannot be parsed. */
function attempt(reading: Reading, text: string): (string | null)[][] | string {
  const { delimiter, nulls } = reading;
  try {
    return parse(text, {
      delimiter,
      record_delimiter: '\n',
      relax_column_count: true,
      ...(nulls.size > 0 && {
        cast: (cell, { quoting }) => (!quoting && nulls.has(cell) ? null : cell),
      }),
    });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    return reasons[codeOf(error)] ?? codeOf(error).toLowerCase();
  }
}

const reasons: Readonly<Record<string, string>> = {
  INVALID_OPENING_QUOTE: 'a quote inside a cell that does not begin with one',
  CSV_INVALID_CLOSING_QUOTE: 'text after a closing quote',
};

/** The column names in a CSV file's first row. */
export interface Header {
  readonly names: readonly string[];
  /** True when every name is in quotes. */
  readonly quoted: boolean;
  /** The byte at which the row's text ends. */
  readonly to: number;
}

/**
 * Reads the header of a CSV file; null for an empty file.
 * @throws ConfigError `malformed_file` if it cannot be read, or a name repeats
 */
export async function headerOf(reading: Reading, signal?: AbortSignal): Promise<Header | null> {
  for await (const { text, to } of rowTexts(reading, start, signal)) {
    const unquoted = { ...reading, nulls: new Set<string>() };
    const rows = attempt(unquoted, text);
    if (!Array.isArray(rows)) throw malformed(reading.name, 1, rows);
    const names = (rows[0] ?? []).map(String);
    const repeated = names.find((name, at) => names.indexOf(name) !== at);
    if (repeated !== undefined) throw malformed(reading.name, 1, `column ${repeated} repeats`);
    if (names.some((name) => /\r(?!\n)/.test(name)))
      throw malformed(reading.name, 1, 'lines that end with CR alone; write LF or CRLF');
    return { names, quoted: areQuoted(reading, text), to };
  }
  return null;
}

function areQuoted({ delimiter }: Reading, text: string): boolean {
  const cells = parse(text, {
    delimiter,
    record_delimiter: '\n',
    relax_column_count: true,
    cast: (_, { quoting }) => String(quoting),
  });
  return cells.flat().every((cell) => cell === 'true');
}
