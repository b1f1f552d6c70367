import { ConfigError } from '../../../model/failure.ts';
import { csvHeader, csvRecords } from './csv.ts';
import { elements } from './elements.ts';
import { linesIn, textOf } from '../stored/encoding.ts';
import type { Format } from './format.ts';
import { lines, type Piece } from './lines.ts';
import { emptyObject, parseObject } from './object.ts';
import type { Located, Position, Reading } from './position.ts';

/**
 * The records of a file from a position on: the file's start, or the end of a record read before. One that cannot be
 * read comes with a fault.
 * @param signal ends the wait for a file that is being written
 * @throws ConfigError `malformed_file`, `invalid_encoding` with file and line
 */
export async function* readRecords(
  format: Format,
  reading: Reading,
  from: Position,
  signal?: AbortSignal,
): AsyncIterable<Located> {
  if (format === 'csv') {
    yield* csvRecords(reading, await csvHeader(reading, signal), from, signal);
    return;
  }
  const pieces = format === 'jsonl' ? lines(reading, from, { signal }) : elements(reading, from);
  for await (const piece of pieces) {
    const before = format === 'jsonl' ? piece.end.line - 1 : piece.end.line - linesIn(piece.text);
    const located = locate(reading.name, piece, before);
    if (located !== undefined) yield located;
  }
}

/**
 * Reads the records of a file from a position on.
 * @throws ConfigError `malformed_file` for the first record that cannot be read
 */
export async function* readableRecords(
  format: Format,
  reading: Reading,
  from: Position,
  signal?: AbortSignal,
): AsyncIterable<Located> {
  for await (const located of readRecords(format, reading, from, signal))
    yield requireReadable(located);
}

/**
 * Returns the record if it could be read.
 * @throws ConfigError `malformed_file` if it could not
 */
export function requireReadable(located: Located): Located {
  if (located.fault === undefined) return located;
  throw new ConfigError('malformed_file', located.fault);
}

function locate(name: string, { text, from, end }: Piece, line: number): Located | undefined {
  const whole = textOf(name, text, { byte: from, line });
  if (whole.trim() === '') return undefined;
  const to = from + text.length - (whole.endsWith('\r') ? 1 : 0);
  const record = parseObject(whole);
  if (record !== undefined) return { record, from, to, end };
  const fault = `${name}, line ${Math.max(end.line, 1)}: not a JSON object`;
  return { record: emptyObject(), from, to, end, fault };
}
