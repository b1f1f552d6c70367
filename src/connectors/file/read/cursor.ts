import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { z } from 'zod';
import { ConfigError } from '../../../model/failure.ts';
import { codeOf } from '../failures.ts';
import type { Position, Reading } from '../formats/position.ts';
import { changed, stateOf, type FileState } from '../stored/state.ts';
import { isPlain } from '../stored/stored.ts';

/** Names the file, so that one that comes or goes between two pages shifts nothing. */
const cursorSchema = z.object({
  file: z.string(),
  inode: z.number(),
  size: z.number(),
  modified: z.number(),
  byte: z.number(),
  line: z.number(),
  /** Hash of what stands before the place; where the file is not plain UTF-8, of what it ends with. */
  before: z.string(),
  /** Hash of the names of all files, for a read that must be whole. */
  files: z.string().optional(),
});

/** A place in one of a stream's files, and the state the file was in. */
export type FileCursor = z.infer<typeof cursorSchema>;

/** So many bytes before a cursor tell whether it is still the same place. */
const memory = 1024;

/**
 * The cursor of a place.
 * @param files all that the stream stands for
 */
export async function cursorAt(
  file: Reading,
  state: FileState,
  end: Position,
  files: readonly Reading[],
): Promise<string> {
  const cursor: FileCursor = {
    file: file.name,
    ...state,
    byte: end.byte,
    line: end.line,
    before: await hashBefore(file, anchorOf(file, end.byte, state.size)),
    files: namesOf(files),
  };
  return JSON.stringify(cursor);
}

/** Up to where the bytes of the file itself must be what they were. */
function anchorOf(file: Reading, byte: number, size: number): number {
  return isPlain(file) ? byte : size;
}

function namesOf(files: readonly Reading[]): string {
  return hash(Buffer.from(JSON.stringify(files.map(({ name }) => name))));
}

function hash(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 32);
}

/**
 * Where a page starts. A read that goes on in a file that has been replaced, cut or rewritten would be incomplete
 * without anyone noticing, and a mirror would remove what it missed (R7).
 * @param whole a file that has only grown is another one too, and none may come or go
 * @throws ConfigError `file_changed`
 */
export async function resume(
  text: string,
  files: readonly Reading[],
  whole: boolean,
): Promise<FileCursor> {
  const cursor = parseCursor(text);
  const file = files.find(({ name }) => name === cursor.file);
  const sameFiles = !whole || cursor.files === undefined || cursor.files === namesOf(files);
  if (file !== undefined && sameFiles && (await isSame(file, cursor, whole))) return cursor;
  throw changed(cursor.file);
}

async function isSame(file: Reading, cursor: FileCursor, whole: boolean): Promise<boolean> {
  try {
    const now = await stateOf(file);
    const anchor = anchorOf(file, cursor.byte, cursor.size);
    if (now.inode !== cursor.inode || now.size < anchor) return false;
    if (whole && (now.size !== cursor.size || now.modified !== cursor.modified)) return false;
    return (await hashBefore(file, anchor)) === cursor.before;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

async function hashBefore({ path }: Reading, byte: number): Promise<string> {
  const length = Math.min(byte, memory);
  const handle = await open(path);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, byte - length);
    return hash(buffer.subarray(0, bytesRead));
  } finally {
    await handle.close();
  }
}

function parseCursor(text: string): FileCursor {
  try {
    return cursorSchema.parse(JSON.parse(text));
  } catch {
    throw new ConfigError('invalid_cursor', 'the cursor was not made by a file source');
  }
}
