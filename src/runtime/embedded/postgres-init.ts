import { execFile } from 'node:child_process';
import { chownSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import type { SystemUser } from './postgres-user.ts';
import type { Log } from './server-process.ts';

/** The cluster to create, the program that creates it, and the system user. */
export interface InitOptions {
  readonly data: string;
  readonly password: string;
  readonly initdb: string;
  readonly user: SystemUser | undefined;
  readonly log: Log;
}

/**
 * Creates the cluster in `data`, with the superuser `sluice`. It appears there whole or not at all, so an interrupted
 * attempt is simply repeated.
 */
export async function initCluster({
  data,
  password,
  initdb,
  user,
  log,
}: InitOptions): Promise<void> {
  const draft = `${data}.new`;
  const passwordFile = `${data}.password`;
  rmSync(draft, { recursive: true, force: true });
  log('Making the state database');
  try {
    mkdirSync(draft, { recursive: true, mode: 0o700 });
    writeFileSync(passwordFile, password, { mode: 0o600 });
    if (user) for (const path of [draft, passwordFile]) chownSync(path, user.uid, user.gid);
    // The built-in locale sorts and compares the same on every system, whatever locales the system has.
    const args = [
      `--pgdata=${draft}`,
      '--username=sluice',
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
    ];
    await promisify(execFile)(initdb, args, { ...user, cwd: dirname(data) });
    renameSync(draft, data);
  } finally {
    rmSync(passwordFile, { force: true });
    rmSync(draft, { recursive: true, force: true });
  }
}
