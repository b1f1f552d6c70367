import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { ConfigError } from '../model/failure.ts';
import { startTime } from './embedded/process.ts';
import {
  formatEncryptionKeys,
  parseEncryptionKeys,
  type EncryptionKeys,
} from './encryption-key.ts';

/** A data directory that only this process uses. */
export interface DataDir {
  /** The absolute path. */
  readonly path: string;
  /** Stores the url of this process's server, for a process that finds the directory in use. */
  recordUrl(url: string): void;
  /** Releases the directory; may be called again. */
  release(): void;
}

interface Owner {
  readonly pid: number;
  readonly started: string;
  readonly url?: string;
}

/**
 * Creates the directory if need be and locks it for this process. The lock of a process that has died is taken over.
 * @param path default `.sluice` in the working directory
 * @throws ConfigError `data_dir_in_use` naming the owner, `data_dir_unusable`
 */
export function openDataDir(path = '.sluice'): DataDir {
  const dir = resolve(path);
  create(dir);
  const lock = join(dir, 'lock');
  const self: Owner = { pid: process.pid, started: startTime(process.pid) ?? '' };
  while (!createWhole(lock, JSON.stringify(self))) clearStale(lock, dir);
  return {
    path: dir,
    recordUrl: (url) => replace(lock, JSON.stringify({ ...self, url })),
    release: () => {
      const owner = readOwner(lock);
      if (owner && owner.pid === self.pid && owner.started === self.started)
        rmSync(lock, { force: true });
    },
  };
}

/**
 * Returns the directory's encryption keys, which are kept in the file `key`, readable by its owner only. The first call
 * creates a key. While a rotation is under way the retired key follows the current one.
 * @throws ConfigError `bad_encryption_key` when the file was damaged
 */
export function encryptionKeys(dir: string): EncryptionKeys {
  const file = join(dir, 'key');
  createWhole(file, `${formatEncryptionKeys([randomBytes(32)])}\n`);
  // A copy or a restored backup may be readable for others.
  if (process.getuid?.() === statSync(file).uid) chmodSync(file, 0o600);
  return parseEncryptionKeys(readFileSync(file, 'utf8'), file);
}

/**
 * Replaces the directory's keys atomically and durably: after a power cut the file holds the old ones or the new ones.
 */
export function writeEncryptionKeys(dir: string, keys: EncryptionKeys): void {
  replace(join(dir, 'key'), `${formatEncryptionKeys(keys)}\n`);
}

function create(dir: string): void {
  try {
    // Other users may pass through but not list it: the embedded Postgres may run as another user.
    if (mkdirSync(dir, { recursive: true }) !== undefined) chmodSync(dir, 0o711);
    if (!statSync(dir).isDirectory()) throw new Error('not a directory');
  } catch (cause) {
    throw new ConfigError(
      'data_dir_unusable',
      `Cannot use the data directory ${dir}: ${(cause as Error).message}. Choose another with --data-dir.`,
      { cause },
    );
  }
}

/**
 * Removes the lock of a dead owner.
 * @throws ConfigError `data_dir_in_use` when the owner is alive
 */
function clearStale(lock: string, dir: string): void {
  const owner = readOwner(lock);
  if (owner && startTime(owner.pid) === owner.started) {
    const where = owner.url ? ` (${owner.url})` : '';
    throw new ConfigError(
      'data_dir_in_use',
      `The data directory ${dir} is in use by process ${owner.pid}${where}. Use that one, stop it, or choose another with --data-dir.`,
    );
  }
  const aside = temporary(lock);
  try {
    renameSync(lock, aside);
  } catch {
    return; // another process was faster
  }
  // Another process may have created its own lock since we looked; then that lock is put back.
  if (readOwner(aside)?.pid !== owner?.pid) linkIfAbsent(aside, lock);
  rmSync(aside, { force: true });
}

function readOwner(lock: string): Owner | undefined {
  try {
    return JSON.parse(readFileSync(lock, 'utf8')) as Owner;
  } catch {
    return undefined;
  }
}

/** Creates a private file with its whole content at once; returns false when the file exists already. */
function createWhole(file: string, content: string): boolean {
  const draft = temporary(file);
  writeFileSync(draft, content, { mode: 0o600 });
  try {
    return linkIfAbsent(draft, file);
  } finally {
    rmSync(draft, { force: true });
  }
}

function replace(file: string, content: string): void {
  const draft = temporary(file);
  writeFileSync(draft, content, { mode: 0o600, flush: true });
  renameSync(draft, file);
}

function linkIfAbsent(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function temporary(file: string): string {
  return `${file}.${process.pid}-${randomBytes(4).toString('hex')}`;
}
