import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { z } from 'zod';
import { ConfigError } from '../../model/failure.ts';
import { codeOf } from './failures.ts';
import type { Position, Reading } from './position.ts';
import { changed, stateOf, type FileState } from './state.ts';

/** Names the file, so that one that comes or goes between two pages shifts nothing. */
const cursorSchema = z.object({
  file: z.string(),
  inode: z.number(),
  size: z.number(),
  modified: z.number(),
  byte: z.number(),
  line: z.number(),
  /** Hash of what stands before the place. */
  before: z.string(),
});

/** A place in one of a stream's files, and the state the file was in. */
export type FileCursor = z.infer<typeof cursorSchema>;

/** So many bytes before a cursor tell whether it is still the same place. */
const memory = 1024;

/** The cursor of a place. */
export async function cursorAt(file: Reading, state: FileState, end: Position): Promise<string> {
  const cursor: FileCursor = {
    file: file.name,
    ...state,
    byte: end.byte,
    line: end.line,
    before: await hashBefore(file, end.byte),
  };
  return JSON.stringify(cursor);
}

/**
 * Where a page starts. A read that goes on in a file that has been replaced, cut or rewritten would be incomplete
 * without anyone noticing, and a mirror would remove what it missed (R7).
 * @param whole a file that has only grown is another one too
 * @throws ConfigError `file_changed`
 */
export async function resume(
  text: string,
  files: readonly Reading[],
  whole: boolean,
): Promise<FileCursor> {
  const cursor = parseCursor(text);
  const file = files.find(({ name }) => name === cursor.file);
  if (file !== undefined && (await isSame(file, cursor, whole))) return cursor;
  throw changed(cursor.file);
}

async function isSame(file: Reading, cursor: FileCursor, whole: boolean): Promise<boolean> {
  try {
    const now = await stateOf(file);
    if (now.inode !== cursor.inode || now.size < cursor.byte) return false;
    if (whole && (now.size !== cursor.size || now.modified !== cursor.modified)) return false;
    return (await hashBefore(file, cursor.byte)) === cursor.before;
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
    return createHash('sha256').update(buffer.subarray(0, bytesRead)).digest('hex').slice(0, 32);
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
