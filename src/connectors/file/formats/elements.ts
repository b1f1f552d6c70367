import { chunks } from '../stored/chunks.ts';
import { malformed } from '../failures.ts';
import type { Piece } from './lines.ts';
import type { Position } from './position.ts';
import type { Stored } from '../stored/stored.ts';

const code = { quote: 0x22, backslash: 0x5c, open: 0x7b, close: 0x7d, newline: 0x0a };
const blanks = new Set([0x20, 0x09, 0x0a, 0x0d]);
const byteOrderMark = new Set([0xef, 0xbb, 0xbf]);

/** The states of reading the list: in each, the characters allowed and the state that follows. */
const steps: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  begin: { '[': 'first' },
  first: { '{': 'object', ']': 'over' },
  next: { '{': 'object' },
  after: { ',': 'next', ']': 'over' },
  over: {},
};

/**
 * Reads the objects of a file that is one JSON list, from a position on; `from` is the file's start or the end of an
 * object. It only finds where each object ends, and the caller parses it. It holds one object at a time.
 */
export async function* elements(file: Stored, from: Position): AsyncIterable<Piece> {
  const { name } = file;
  let { byte, line } = from;
  let state = byte === 0 ? 'begin' : 'after';
  let held: Buffer[] = [];
  const object = { depth: 0, inText: false, escaped: false };
  for await (const chunk of chunks(file, byte)) {
    let begin = 0;
    for (let at = 0; at < chunk.length; at += 1) {
      const char = chunk[at] ?? 0;
      if (char === code.newline) line += 1;
      if (state === 'object') {
        if (!endsObject(object, char)) continue;
        const text = Buffer.concat([...held, chunk.subarray(begin, at + 1)]);
        held = [];
        state = 'after';
        const end = { byte: byte + at + 1, line };
        yield { text, from: end.byte - text.length, end };
        continue;
      }
      if (blanks.has(char) || (state === 'begin' && byteOrderMark.has(char))) continue;
      state = steps[state]?.[String.fromCodePoint(char)] ?? fail(name, line);
      begin = at;
      if (state === 'object') object.depth = 1;
    }
    if (state === 'object') held.push(chunk.subarray(begin));
    byte += chunk.length;
  }
  if (state !== 'over') throw malformed(name, line + 1, 'the list does not end');
}

/** Takes one byte of an object; returns true when it was the last. */
function endsObject(
  object: { depth: number; inText: boolean; escaped: boolean },
  char: number,
): boolean {
  if (object.escaped) object.escaped = false;
  else if (object.inText && char === code.backslash) object.escaped = true;
  else if (char === code.quote) object.inText = !object.inText;
  else if (object.inText) return false;
  else if (char === code.open) object.depth += 1;
  else if (char === code.close) object.depth -= 1;
  return object.depth === 0;
}

function fail(name: string, line: number): never {
  throw malformed(
    name,
    line + 1,
    'expected a list of objects; of one record a line, set format to jsonl',
  );
}
