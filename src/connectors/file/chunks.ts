import { createReadStream } from 'node:fs';
import type { Position } from './position.ts';

/** A text that ends at a place in its file. */
export interface Piece {
  readonly text: Buffer;
  readonly end: Position;
}

/** The bytes of a file from `byte` on. */
export async function* chunks(path: string, byte: number): AsyncIterable<Buffer> {
  yield* createReadStream(path, { start: byte, highWaterMark: 256 * 1024 });
}
