import { malformed } from './failures.ts';
import { csvHeader, csvRecords } from './csv.ts';
import { elements } from './elements.ts';
import type { Piece } from './chunks.ts';
import type { Format } from './format.ts';
import { lines } from './lines.ts';
import { parseObject } from './object.ts';
import type { Located, Position, Reading } from './position.ts';
import { tailOf } from './state.ts';

/**
 * The records of a file from a position on: the file's start, or the end of a record read before.
 * @throws ConfigError `malformed_file` with file and line
 */
export async function* readRecords(
  format: Format,
  reading: Reading,
  from: Position,
): AsyncIterable<Located> {
  if (format === 'csv') {
    yield* csvRecords(reading, await csvHeader(reading), from);
    return;
  }
  const pieces =
    format === 'jsonl'
      ? lines(reading.path, from, tailOf(reading))
      : elements(reading.name, reading.path, from);
  for await (const piece of pieces) {
    const record = parsePiece(reading.name, piece);
    if (record !== undefined) yield { record, end: piece.end };
  }
}

function parsePiece(name: string, { text, end }: Piece) {
  const line = text.toString('utf8').trim();
  if (line === '') return undefined;
  return parseObject(line) ?? fail(name, end.line);
}

function fail(name: string, line: number): never {
  throw malformed(name, Math.max(line, 1), 'not a JSON object');
}
