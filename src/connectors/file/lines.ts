import { chunks, type Piece } from './chunks.ts';
import type { Position } from './position.ts';

const newline = 0x0a;

/**
 * The lines of a file from a position on, without their line break. Holds one line at a time.
 * @param checkTail asked before a last line that has no end is given, with the file's size if that is all
 */
export async function* lines(
  path: string,
  from: Position,
  checkTail?: (size: number) => Promise<void>,
): AsyncIterable<Piece> {
  let { byte, line } = from;
  let held: Buffer[] = [];
  for await (const chunk of chunks(path, from.byte)) {
    let begin = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, begin)) {
      const part = chunk.subarray(begin, end);
      const text = held.length === 0 ? part : Buffer.concat([...held, part]);
      held = [];
      begin = end + 1;
      byte += text.length + 1;
      line += 1;
      yield { text, end: { byte, line } };
    }
    if (begin < chunk.length) held.push(chunk.subarray(begin));
  }
  if (held.length === 0) return;
  const text = Buffer.concat(held);
  await checkTail?.(byte + text.length);
  yield { text, end: { byte: byte + text.length, line: line + 1 } };
}
