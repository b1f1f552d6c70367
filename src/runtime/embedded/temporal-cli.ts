import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  accessSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { platform } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { ConfigError } from '../../model/failure.ts';
import { downloads } from './temporal-download.ts';
import type { Log } from './server-process.ts';

/** The places to look for the Temporal CLI, and to keep a downloaded one. */
export interface TemporalCliOptions {
  /** A path that the user named (`SLUICE_TEMPORAL_CLI`). Then no other place is tried. */
  readonly explicit?: string;
  /** The folders of `PATH`. */
  readonly searchPath: string;
  /** The user's cache. A download is kept here, or in `dataDir` when the cache cannot be written. */
  readonly cacheDir: string;
  readonly dataDir: string;
  readonly log: Log;
}

const run = promisify(execFile);
const fileName = platform() === 'win32' ? 'temporal.exe' : 'temporal';

/**
 * Returns the path of a working `temporal` program: named by the user, on PATH, kept from an earlier download, or
 * downloaded now (once; it takes seconds to a minute).
 * @throws ConfigError `no_temporal_cli` with everything that was tried
 */
export async function findTemporalCli(options: TemporalCliOptions): Promise<string> {
  const tried: string[] = [];
  if (options.explicit) {
    if (await works(options.explicit, 'SLUICE_TEMPORAL_CLI', tried)) return options.explicit;
    throw notFound(tried);
  }
  const caches = [options.cacheDir, options.dataDir].map((dir) => join(dir, 'bin'));
  const places: [string, string[]][] = [
    ['PATH', options.searchPath.split(delimiter).filter(Boolean)],
    ['kept download', caches],
  ];
  for (const [name, folders] of places) {
    const file = folders.map((folder) => join(folder, fileName)).find(isProgram);
    if (!file)
      tried.push(`${name}: none in ${name === 'PATH' ? 'its folders' : folders.join(' or ')}`);
    else if (await works(file, name, tried)) return file;
  }
  const cache = caches.find(isWritable);
  if (!cache)
    throw notFound([...tried, `no download: neither ${caches.join(' nor ')} can be written`]);
  return download(cache, options.log, tried);
}

async function download(cache: string, log: Log, tried: string[]): Promise<string> {
  for (const { name, fetch } of downloads) {
    // Downloads go to a private folder and are then renamed, so that processes which start together never see half a
    // file.
    const draft = join(cache, `.${process.pid}-${randomBytes(4).toString('hex')}`);
    mkdirSync(draft);
    try {
      log(`Getting the Temporal CLI by ${name}`);
      const got = await fetch(draft);
      if (!(await works(got, name, tried))) continue;
      return keep(got, join(cache, fileName));
    } catch (error) {
      tried.push(`${name}: ${briefly(error)}`);
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
  }
  throw notFound(tried);
}

function keep(got: string, target: string): string {
  try {
    renameSync(got, target);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    const beside = `${target}.${process.pid}`;
    copyFileSync(got, beside);
    renameSync(beside, target);
  }
  return target;
}

/** True when the file is a Temporal CLI that runs here; otherwise the reason is added to `tried`. */
async function works(file: string, name: string, tried: string[]): Promise<boolean> {
  try {
    const { stdout } = await run(file, ['--version'], { timeout: 20_000 });
    if (/^temporal version \d/.test(stdout)) return true;
    tried.push(
      `${name}: ${file} is not the Temporal CLI (it does not answer --version as that does)`,
    );
  } catch (error) {
    tried.push(`${name}: ${file} does not run (${briefly(error)})`);
  }
  return false;
}

function notFound(tried: readonly string[]): ConfigError {
  const list = tried.map((line) => `  - ${line}`).join('\n');
  return new ConfigError(
    'no_temporal_cli',
    `No Temporal CLI for the embedded server. Tried:\n${list}\nInstall it (https://docs.temporal.io/cli), name it in SLUICE_TEMPORAL_CLI, or set TEMPORAL_ADDRESS to use a Temporal server of your own.`,
  );
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

function isWritable(folder: string): boolean {
  try {
    if (!existsSync(folder)) mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Returns the most informative line of a failed program's message. */
function briefly(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message?: string };
  const lines = (stderr?.trim() || message || String(error)).trim().split('\n');
  return (lines.find((line) => /error/i.test(line)) ?? lines[0] ?? '').trim().slice(0, 200);
}
