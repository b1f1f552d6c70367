import { stat } from 'node:fs/promises';
import { z } from 'zod';
import { ConfigError } from '../../model/failure.ts';
import { codeOf } from './failures.ts';
import type { Reading } from './position.ts';

/** Names the file, so that one that comes or goes between two pages shifts nothing. */
const cursorSchema = z.object({
  file: z.string(),
  /** The file's number in its file system: another one under the same name is not read from its middle. */
  inode: z.number(),
  byte: z.number(),
  line: z.number(),
});

/** A place in one of a stream's files. */
export type FileCursor = z.infer<typeof cursorSchema>;

/** The number by which the file system knows a file. */
export async function inodeOf(file: Reading): Promise<number> {
  return (await stat(file.path)).ino;
}

/**
 * Where a page starts. A read that goes on in a file that has been replaced, cut or removed would be incomplete
 * without anyone noticing, and a mirror would remove what it missed (R7).
 * @throws ConfigError `file_changed`
 */
export async function resume(text: string, files: readonly Reading[]): Promise<FileCursor> {
  const cursor = parseCursor(text);
  const file = files.find(({ name }) => name === cursor.file);
  const now = file && (await statOf(file));
  if (now !== undefined && now.ino === cursor.inode && now.size >= cursor.byte) return cursor;
  throw new ConfigError(
    'file_changed',
    `${cursor.file} was replaced, cut or removed while it was read; run the sync again`,
  );
}

async function statOf(file: Reading) {
  try {
    return await stat(file.path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function parseCursor(text: string): FileCursor {
  try {
    return cursorSchema.parse(JSON.parse(text));
  } catch {
    throw new ConfigError('invalid_cursor', 'the cursor was not made by a file source');
  }
}
