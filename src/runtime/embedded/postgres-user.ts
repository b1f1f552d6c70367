import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { ConfigError } from '../../model/failure.ts';

/** The system user that Postgres runs as. */
export interface SystemUser {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Returns the user to run Postgres as; undefined when this process is not root and Postgres runs as the same user.
 * Postgres refuses to run as root, so there it runs as the user `postgres`, who is created if missing.
 * @throws ConfigError `no_postgres_user`
 */
export function postgresUser(): SystemUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const existing = lookUp();
  if (existing) return existing;
  try {
    execFileSync(
      'useradd',
      ['--system', '--user-group', '--shell', '/usr/sbin/nologin', 'postgres'],
      { stdio: 'pipe' },
    );
  } catch {
    // Alpine and other small systems lack useradd.
    tryRun('adduser', ['-S', '-D', '-H', 'postgres']);
  }
  const made = lookUp();
  if (made) return made;
  throw new ConfigError(
    'no_postgres_user',
    'Postgres cannot run as root and no user "postgres" could be made. Run as another user, or set SLUICE_DATABASE_URL.',
  );
}

/**
 * True when the user may pass through every folder from the root to `path`. Folders that do not exist yet are ignored.
 */
export function canReach(path: string, user: SystemUser): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isDirectory() && !mayPass(stat, user)) return false;
  const parent = dirname(path);
  return parent === path || canReach(parent, user);
}

function mayPass(stat: { mode: number; uid: number; gid: number }, user: SystemUser): boolean {
  if (stat.uid === user.uid) return (stat.mode & 0o100) !== 0;
  if (stat.gid === user.gid) return (stat.mode & 0o010) !== 0;
  return (stat.mode & 0o001) !== 0;
}

function lookUp(): SystemUser | undefined {
  const uid = tryRun('id', ['-u', 'postgres']);
  const gid = tryRun('id', ['-g', 'postgres']);
  return uid && gid ? { uid: Number(uid), gid: Number(gid) } : undefined;
}

function tryRun(command: string, args: readonly string[]): string | undefined {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    return undefined;
  }
}
