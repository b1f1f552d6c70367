import { chunks } from '../stored/chunks.ts';
import type { Position } from './position.ts';
import { checkTail, stateOf } from '../stored/state.ts';
import type { Stored } from '../stored/stored.ts';

const newline = 0x0a;
const byteOrderMark = Buffer.from('\uFEFF');

/** A piece of a file's text. It is UTF-8 if the file is valid. */
export interface Piece {
  readonly text: Buffer;
  /** The byte at which it begins. */
  readonly from: number;
  /** The position after it. */
  readonly end: Position;
}

/** The treatment of the last line of a file. */
interface LineOptions {
  /** A last line without an end is given once the file has come to rest. Default true. */
  readonly growing?: boolean;
  /** Ends the wait for the file to come to rest. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The lines of a file from a position on, without their line break and without a byte order mark. Holds one line at a
 * time.
 */
export async function* lines(
  file: Stored,
  from: Position,
  { growing = true, signal }: LineOptions = {},
): AsyncIterable<Piece> {
  let { byte, line } = from;
  let held: Buffer[] = [];
  const found = growing ? await stateOf(file) : undefined;
  for await (const chunk of chunks(file, from.byte)) {
    let begin = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, begin)) {
      const part = chunk.subarray(begin, end);
      const text = held.length === 0 ? part : Buffer.concat([...held, part]);
      held = [];
      begin = end + 1;
      line += 1;
      yield pieceOf(text, byte, { byte: byte + text.length + 1, line });
      byte += text.length + 1;
    }
    if (begin < chunk.length) held.push(chunk.subarray(begin));
  }
  if (held.length === 0) return;
  const text = Buffer.concat(held);
  const end = { byte: byte + text.length, line: line + 1 };
  if (found !== undefined) await checkTail(file, found, end.byte, signal);
  yield pieceOf(text, byte, end);
}

function pieceOf(text: Buffer, from: number, end: Position): Piece {
  const isMarked = from === 0 && text.subarray(0, byteOrderMark.length).equals(byteOrderMark);
  const mark = isMarked ? byteOrderMark.length : 0;
  return { text: text.subarray(mark), from: from + mark, end };
}
