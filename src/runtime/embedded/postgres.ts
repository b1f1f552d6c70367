import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Client } from 'pg';
import { ConfigError } from '../../model/failure.ts';
import { initCluster } from './postgres-init.ts';
import { postgresBinaries } from './postgres-binaries.ts';
import { canReach, postgresUser, type SystemUser } from './postgres-user.ts';
import { freePortNear, isPortFree } from './port.ts';
import { commandLine, isAlive, stopProcess, type StopStep } from './process.ts';
import { startServer, untilReady, type Log, type ServerExit } from './server-process.ts';
import { sharedPlace } from './shared-place.ts';

/** The place and the port of the cluster. */
export interface EmbeddedPostgresOptions {
  /** The data directory, owned by this process. */
  readonly dir: string;
  /** The port. Default: that of the last start, or any free one. */
  readonly port?: number;
  readonly log: Log;
  /** Server settings beside Sluice's own, by name. */
  readonly settings?: Readonly<Record<string, string | number>>;
}

/** A running Postgres with the database `sluice`. */
export interface EmbeddedPostgres {
  /** The url, with the password: it must never be logged. */
  readonly url: string;
  readonly pid: number;
  /** Settles when Postgres has ended, whether it was stopped or crashed. */
  readonly exited: Promise<ServerExit>;
  stop(): Promise<void>;
}

/** The facts that are kept between starts, in `postgres.json` of the data directory. */
interface Cluster {
  /** The cluster's folder; absent when it is `postgres` in the data directory. */
  readonly data?: string;
  readonly password: string;
  readonly port?: number;
}

// Fast shutdown, then immediate, then kill; the write-ahead log makes even the last one safe.
const stopSteps: readonly StopStep[] = [
  ['SIGINT', 15_000],
  ['SIGQUIT', 5000],
  ['SIGKILL', 2000],
];
const settings = {
  listen_addresses: '127.0.0.1',
  // These make committed transactions outlive a crash, whatever the cluster's own files say.
  fsync: 'on',
  full_page_writes: 'on',
  unix_socket_directories: '',
  synchronous_commit: 'on',
  shared_buffers: '128MB',
  max_connections: '100',
  max_wal_size: '1GB',
  wal_level: 'minimal',
  max_wal_senders: '0',
  jit: 'off',
  // The cost on solid-state disks.
  random_page_cost: '1.1',
  timezone: 'UTC',
  // R1: the error of a statement quotes values. The client gets them, the log must not.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_checkpoints: 'off',
};

/**
 * Starts the Postgres of this data directory on 127.0.0.1. The first start creates it, which takes about a second. A
 * server that a killed Sluice left running is stopped first.
 * @throws ConfigError `port_in_use` for a requested port, `no_embedded_postgres`, `no_postgres_user`
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const { dir, log } = options;
  const user = postgresUser();
  const binaries = postgresBinaries(user, log);
  const cluster = readCluster(dir) ?? (await newCluster(dir, user, log));
  const data = cluster.data ?? ownPlace(dir);
  await stopLeftover(data, log);
  if (!existsSync(data))
    await initCluster({ data, password: cluster.password, initdb: binaries.initdb, user, log });
  const port = await choosePort(options.port, cluster.port);
  const base = `postgres://sluice:${cluster.password}@127.0.0.1:${port}`;
  const flags = Object.entries({ ...settings, ...options.settings }).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`,
  ]);
  const server = await startServer({
    command: binaries.postgres,
    args: ['-D', data, '-p', String(port), ...flags],
    cwd: data,
    ...user,
    stopSteps,
    log,
  });
  await untilReady(server, 'The embedded Postgres', 60_000, () => ready(base));
  writeCluster(dir, { ...cluster, port });
  return {
    url: `${base}/sluice`,
    pid: server.pid,
    exited: server.exited,
    stop: () => server.stop(),
  };
}

function ownPlace(dir: string): string {
  return join(resolve(dir), 'postgres');
}

async function newCluster(dir: string, user: SystemUser | undefined, log: Log): Promise<Cluster> {
  const own = ownPlace(dir);
  const data = user && !canReach(own, user) ? join(sharedPlace(resolve(dir)), 'postgres') : own;
  if (existsSync(data)) await setAside(data, own, log);
  if (data !== own)
    log(`The user postgres cannot reach ${dir}: the state database is kept in ${data}`);
  const cluster = {
    ...(data === own ? {} : { data }),
    password: randomBytes(24).toString('base64url'),
  };
  // Stored before initdb uses the password.
  writeCluster(dir, cluster);
  return cluster;
}

/** Moves a cluster aside whose password is not known. It is of no use, but is never simply removed. */
async function setAside(data: string, own: string, log: Log): Promise<void> {
  if (data === own) {
    throw new ConfigError(
      'state_incomplete',
      `${data} holds a state database, but postgres.json beside it, with its password, is missing. Restore that file, or remove the database to begin anew.`,
    );
  }
  // The cluster's data directory was removed, as one does to begin anew.
  await stopLeftover(data, log);
  const aside = `${data}.${Date.now()}`;
  renameSync(data, aside);
  log(
    `The state database of a data directory that was removed is now ${aside}; it can be removed too`,
  );
}

function readCluster(dir: string): Cluster | undefined {
  const file = join(dir, 'postgres.json');
  if (!existsSync(file)) return undefined;
  return JSON.parse(readFileSync(file, 'utf8')) as Cluster;
}

function writeCluster(dir: string, cluster: Cluster): void {
  const file = join(dir, 'postgres.json');
  writeFileSync(`${file}.new`, `${JSON.stringify(cluster, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

async function stopLeftover(data: string, log: Log): Promise<void> {
  const file = join(data, 'postmaster.pid');
  if (!existsSync(file)) return;
  const pid = Number(readFileSync(file, 'utf8').split('\n', 1)[0]);
  if (!(pid > 1) || !isAlive(pid) || !commandLine(pid)?.includes(data)) return;
  log(`Stopping the Postgres (process ${pid}) that an earlier Sluice left running`);
  await stopProcess(pid, stopSteps);
}

async function choosePort(asked: number | undefined, last: number | undefined): Promise<number> {
  if (asked === undefined) return freePortNear(last);
  if (await isPortFree(asked)) return asked;
  throw new ConfigError(
    'port_in_use',
    `Port ${asked} for the embedded Postgres is in use; leave it out and a free one is taken.`,
  );
}

/** True when the server answers. Creates the database `sluice` when it is missing. */
async function ready(base: string): Promise<boolean> {
  const client = new Client({
    connectionString: `${base}/postgres`,
    connectionTimeoutMillis: 2000,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rowCount } = await client.query("select from pg_database where datname = 'sluice'");
    if (rowCount === 0) await client.query('create database sluice');
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}
