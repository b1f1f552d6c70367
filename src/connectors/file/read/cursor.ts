import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { z } from 'zod';
import { ConfigError } from '../../../model/failure.ts';
import { codeOf } from '../failures.ts';
import type { Position, Reading } from '../formats/position.ts';
import { changed, stateOf, type FileState } from '../stored/state.ts';
import { isPlain } from '../stored/stored.ts';

/** Schema of a cursor. It names its file, so that files which come or go between two pages shift nothing. */
const cursorSchema = z.object({
  file: z.string(),
  inode: z.number(),
  size: z.number(),
  modified: z.number(),
  byte: z.number(),
  line: z.number(),
  /** Hash of the bytes before the place; for a file that is not plain UTF-8, of the file's last bytes. */
  before: z.string(),
  /** Hash of the names of all files, for a read that must be whole. */
  files: z.string().optional(),
});

/** A place in one of a stream's files, and the state of that file. */
export type FileCursor = z.infer<typeof cursorSchema>;

/** The number of bytes before a cursor that are compared to tell whether it is still the same place. */
const memory = 1024;

/**
 * Returns the cursor of a place.
 * @param files all files of the stream
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

/** Returns the byte up to which the file itself must be unchanged. */
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
 * Returns the place where a page starts. A read that went on in a file which was replaced, cut or rewritten would be
 * incomplete without anyone noticing, and a mirror would remove what it missed (R7).
 * @param whole true: a file that has only grown also counts as changed, and no file may come or go
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
