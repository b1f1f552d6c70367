import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigError, TransientError } from '../../../model/failure.ts';
import { start, type Position } from '../formats/position.ts';
import { isPlain, type Stored } from './stored.ts';

/** A file that was changed less than this long ago may still be being written. Milliseconds. */
const quietMs = 2000;
/** Waiting longer for a file to come to rest is for the next attempt. Milliseconds. */
const longestWaitMs = 20_000;

/** What tells one state of a file from another. */
export interface FileState {
  /** The file's number in its file system: another one under the same name differs. */
  readonly inode: number;
  readonly size: number;
  readonly modified: number;
}

/** The file as it is now. */
export async function stateOf({ path }: Pick<Stored, 'path'>): Promise<FileState> {
  const { ino, size, mtimeMs } = await stat(path);
  return { inode: ino, size, modified: mtimeMs };
}

/**
 * Waits until nobody has written to the file for two seconds.
 * @param signal ends the wait
 * @throws TransientError `file_busy` if that takes too long; the reason of `signal`
 */
export async function atRest(
  file: Pick<Stored, 'name' | 'path'>,
  signal?: AbortSignal,
): Promise<FileState> {
  const deadline = Date.now() + longestWaitMs;
  for (;;) {
    const state = await stateOf(file);
    const wait = state.modified + quietMs - Date.now();
    // A time in the future says nothing of when it was written.
    if (wait <= 0 || wait > quietMs) return state;
    if (Date.now() > deadline) throw busy(file.name);
    await sleep(wait, undefined, signal && { signal }).catch((error: unknown) => {
      signal?.throwIfAborted();
      throw error;
    });
  }
}

/**
 * Makes sure of a last line without an end, which may be half of one.
 * @param found the state of the file before it was read
 * @param end where its text ended
 * @throws TransientError `file_busy` if somebody writes on
 */
export async function checkTail(
  file: Stored,
  found: FileState,
  end: number,
  signal?: AbortSignal,
): Promise<void> {
  const { size } = await atRest(file, signal);
  if (size !== (isPlain(file) ? end : found.size)) throw busy(file.name);
}

/** A read that what was written meanwhile has spoilt, and that can be begun again. */
export function busy(name: string): TransientError {
  return new TransientError('file_busy', `${name} is being written`);
}

/**
 * Proves that a file, read from `from` on, is the one that was found before; with `whole` also that nobody wrote to it.
 * A read that began inside the file cannot be repeated.
 * @throws TransientError `file_busy`, ConfigError `file_changed`
 */
export async function checkSame(
  file: Stored,
  before: FileState,
  { from, whole }: { from: Position; whole: boolean },
): Promise<void> {
  const now = await stateOf(file);
  const same =
    now.inode === before.inode &&
    now.size >= before.size &&
    (!whole || (now.size === before.size && now.modified === before.modified));
  if (same) return;
  throw from.byte === start.byte ? busy(file.name) : changed(file.name);
}

/** A read that cannot go on. */
export function changed(name: string): ConfigError {
  return new ConfigError(
    'file_changed',
    `${name} was replaced, cut, rewritten or removed while it was read; run the sync again`,
  );
}
