import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigError, TransientError } from '../../../model/failure.ts';
import { start, type Position } from '../formats/position.ts';
import { isPlain, type Stored } from './stored.ts';

/** A file that was changed more recently than this may still be being written. Milliseconds. */
const quietMs = 2000;
/** The longest wait for a writer to finish; then the attempt fails and the next one waits again. Milliseconds. */
const longestWaitMs = 20_000;

/** The properties that differ between two states of a file. */
export interface FileState {
  /** The file's number in its file system, which differs for another file under the same name. */
  readonly inode: number;
  readonly size: number;
  readonly modified: number;
}

/** Returns the present state of the file. */
export async function stateOf({ path }: Pick<Stored, 'path'>): Promise<FileState> {
  const { ino, size, mtimeMs } = await stat(path);
  return { inode: ino, size, modified: mtimeMs };
}

/**
 * Waits until nobody has written to the file for two seconds.
 * @param signal ends the wait
 * @throws TransientError `file_busy` if that takes too long; the reason of `signal`
 */
export async function untilAtRest(
  file: Pick<Stored, 'name' | 'path'>,
  signal?: AbortSignal,
): Promise<FileState> {
  const deadline = Date.now() + longestWaitMs;
  for (;;) {
    const state = await stateOf(file);
    const wait = state.modified + quietMs - Date.now();
    // A time in the future does not tell when the file was written.
    if (wait <= 0 || wait > quietMs) return state;
    if (Date.now() > deadline) throw fileBusy(file.name);
    await sleep(wait, undefined, signal && { signal }).catch((error: unknown) => {
      signal?.throwIfAborted();
      throw error;
    });
  }
}

/**
 * Makes sure that a last line without a line break is complete, not half of a line being written.
 * @param found the state of the file before it was read
 * @param end the byte at which its text ended
 * @throws TransientError `file_busy` if somebody is still writing
 */
export async function checkTail(
  file: Stored,
  found: FileState,
  end: number,
  signal?: AbortSignal,
): Promise<void> {
  const { size } = await untilAtRest(file, signal);
  if (size !== (isPlain(file) ? end : found.size)) throw fileBusy(file.name);
}

/** Returns the error of a read that was spoilt by a write in the meantime, and that can begin again. */
export function fileBusy(name: string): TransientError {
  return new TransientError('file_busy', `${name} is being written`);
}

/**
 * Checks that a file, read from `from` on, is the one that was found before; with `whole` also that nobody wrote to it.
 * A read that began inside the file cannot be repeated, so its failure is final.
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
  throw from.byte === start.byte ? fileBusy(file.name) : changed(file.name);
}

/** Returns the error of a read that cannot go on. */
export function changed(name: string): ConfigError {
  return new ConfigError(
    'file_changed',
    `${name} was replaced, cut, rewritten or removed while it was read; run the sync again`,
  );
}
