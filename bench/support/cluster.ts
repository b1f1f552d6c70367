import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, chownSync, readdirSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { freePort } from '../../src/runtime/embedded/port.ts';
import { postgresUser } from '../../src/runtime/embedded/postgres-user.ts';
import { newFolder } from './folder.ts';

/** A Postgres server that only the bench uses. */
export interface Cluster {
  readonly pid: number;
  /** Admin URL; any password will do, but some peers want one. */
  readonly url: string;
  /** Such as `PostgreSQL 17.2`. */
  readonly version: string;
  /** So that no run pays for the writes of the one before. */
  checkpoint(): Promise<void>;
  stop(): Promise<void>;
}

/** Autovacuum and timed checkpoints are off, as they would hit one contender and spare the next: see `checkpoint`. */
const settings = {
  shared_buffers: '1GB',
  max_wal_size: '8GB',
  checkpoint_timeout: '1h',
  autovacuum: 'off',
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
};

/**
 * Starts a cluster of its own from the PostgreSQL programs on `PATH` or in `/usr/lib/postgresql`, in a new folder of
 * the temporary directory. The databases of `createDatabase` are made in it.
 */
export async function startCluster(): Promise<Cluster> {
  const dir = newFolder();
  const user = postgresUser();
  if (user) chownSync(dir, user.uid, user.gid);
  const data = join(dir, 'data');
  const init = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C'];
  execFileSync(program('initdb'), init, { ...user, cwd: dir, stdio: 'pipe' });
  const port = await freePort();
  const options = Object.entries({ ...settings, port }).flatMap(([key, value]) => [
    '-c',
    `${key}=${value}`,
  ]);
  const server = spawn(program('postgres'), ['-D', data, ...options], {
    ...user,
    cwd: dir,
    stdio: 'ignore',
  });
  const url = `postgres://postgres:none@127.0.0.1:${port}/postgres`;
  const kill = () => server.kill('SIGKILL');
  process.prependListener('exit', kill);
  const version = await untilReady(url);
  process.env['SLUICE_TEST_PG'] = url;
  return {
    pid: server.pid ?? 0,
    url,
    version: `PostgreSQL ${version}`,
    checkpoint: async () => void (await query(url, 'CHECKPOINT')),
    stop: async () => {
      const exited = once(server, 'exit');
      server.kill('SIGINT');
      await exited;
      process.off('exit', kill);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function untilReady(url: string): Promise<string> {
  for (let tries = 0; ; tries++) {
    try {
      return (
        String((await query(url, 'SHOW server_version'))['server_version']).split(' ')[0] ?? ''
      );
    } catch (error) {
      if (tries > 200) throw error;
      await sleep(50);
    }
  }
}

async function query(url: string, sql: string): Promise<Record<string, unknown>> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows[0] ?? {};
  } finally {
    await client.end();
  }
}

/** The path of a program of PostgreSQL; of several versions the newest. @throws when there is none */
export function program(name: string): string {
  const root = '/usr/lib/postgresql';
  const versions = folders(root).toSorted((a, b) => Number(b) - Number(a));
  const places = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    ...versions.map((version) => join(root, version, 'bin')),
  ];
  const found = places.map((place) => join(place, name)).find(isExecutable);
  if (found === undefined)
    throw new Error(`${name} is neither on PATH nor in ${root}: install PostgreSQL (server too)`);
  return found;
}

function folders(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return []; // another system's layout
  }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, 1);
    return true;
  } catch {
    return false;
  }
}
