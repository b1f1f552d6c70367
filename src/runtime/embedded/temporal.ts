import { chmodSync, mkdirSync, readdirSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { Connection } from '@temporalio/client';
import { ConfigError } from '../../model/failure.ts';
import { freePort, freePortNear, isPortFree } from './port.ts';
import { findProcesses, stopProcess, type StopStep } from './process.ts';
import { startServer, untilReady, type Log, type ServerExit } from './server-process.ts';

/** Settings of the development server. */
export interface EmbeddedTemporalOptions {
  /** Path of the `temporal` program. */
  readonly cli: string;
  /** The data directory (owned by this process); the server's state is `temporal.db` in it. */
  readonly dir: string;
  /** The port of the gRPC service. Default: any free one. */
  readonly port?: number;
  /** The port of the web UI. Default: `port` + 1000, else any free one. */
  readonly uiPort?: number;
  /** True leaves out the web UI. */
  readonly headless?: boolean;
  /** The namespace, created if missing; `default` always exists. Default `default`. */
  readonly namespace?: string;
  /** The server's dynamic configuration. */
  readonly dynamicConfig?: Readonly<Record<string, string | number | boolean>>;
  readonly log: Log;
}

/** A running Temporal server. */
export interface EmbeddedTemporal {
  /** `host:port` of the gRPC service. */
  readonly address: string;
  readonly uiUrl?: string;
  readonly pid: number;
  /** Settles when the server has ended, whether it was stopped or crashed. */
  readonly exited: Promise<ServerExit>;
  stop(): Promise<void>;
}

const host = '127.0.0.1';
const startCommand = ['server', 'start-dev', '--db-filename'];
const searchAttributes = ['SluiceSync', 'SluiceStatus', 'SluiceRun'];
/** The most starts of a server that finds its port taken. */
const mostStarts = 3;
const stopSteps: readonly StopStep[] = [
  ['SIGTERM', 10_000],
  ['SIGKILL', 2000],
];

/**
 * Starts the Temporal development server on 127.0.0.1 with the state of this data directory, and waits until it
 * answers. A server that a killed Sluice left running is stopped first.
 * @throws ConfigError `port_in_use`
 */
export async function startEmbeddedTemporal(
  options: EmbeddedTemporalOptions,
): Promise<EmbeddedTemporal> {
  const dir = resolve(options.dir);
  const database = join(dir, 'temporal.db');
  mkdirSync(dir, { recursive: true });
  await stopLeftover(database, options.log);
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(options, dir, database);
    } catch (error) {
      // Another process can take a port between its choice and its use; that holds for our choice and the server's own.
      const isTaken = error instanceof Error && error.message.includes('address already in use');
      if (!isTaken || attempt === mostStarts) throw error;
    }
  }
}

async function start(
  options: EmbeddedTemporalOptions,
  dir: string,
  database: string,
): Promise<EmbeddedTemporal> {
  const port = await demandPort(options.port, '--temporal-port N');
  const uiPort = options.headless ? undefined : await chooseUiPort(options.uiPort, port);
  const server = await startServer({
    command: options.cli,
    args: serverArguments(options, database, port, uiPort),
    cwd: dir,
    stopSteps,
    log: options.log,
  });
  const address = `${host}:${port}`;
  await untilReady(server, 'The embedded Temporal server', 60_000, () =>
    answers(address, options.namespace ?? 'default'),
  );
  makePrivate(dir, database);
  return {
    address,
    ...(uiPort === undefined ? {} : { uiUrl: `http://${host}:${uiPort}` }),
    pid: server.pid,
    exited: server.exited,
    stop: () => server.stop(),
  };
}

function serverArguments(
  options: EmbeddedTemporalOptions,
  database: string,
  port: number,
  uiPort: number | undefined,
): string[] {
  const dynamic = Object.entries(options.dynamicConfig ?? {});
  return [
    ...startCommand,
    database,
    '--ip',
    host,
    '--port',
    String(port),
    '--log-level',
    'error',
    ...(uiPort === undefined ? ['--headless'] : ['--ui-port', String(uiPort)]),
    ...(options.namespace && options.namespace !== 'default'
      ? ['--namespace', options.namespace]
      : []),
    ...searchAttributes.flatMap((name) => ['--search-attribute', `${name}=Keyword`]),
    ...dynamic.flatMap(([key, value]) => [
      '--dynamic-config-value',
      `${key}=${JSON.stringify(value)}`,
    ]),
  ];
}

/**
 * Makes the server's files private, which it creates readable for everyone. Files that it creates later have the mode
 * of the database.
 */
function makePrivate(dir: string, database: string): void {
  const files = readdirSync(dir).filter((name) => name.startsWith(basename(database)));
  for (const file of files) {
    try {
      chmodSync(join(dir, file), 0o600);
    } catch (error) {
      // SQLite has removed its journal in the meantime.
      if (!isMissing(error)) throw error;
    }
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/**
 * Stops servers left running, found by their command line rather than a pid file, so that even one whose data directory
 * was removed gives back its port.
 */
async function stopLeftover(database: string, log: Log): Promise<void> {
  for (const pid of findProcesses(`${startCommand.join(' ')} ${database} `)) {
    log(`Stopping the Temporal server (process ${pid}) that an earlier Sluice left running`);
    await stopProcess(pid, stopSteps);
  }
}

async function demandPort(asked: number | undefined, option: string): Promise<number> {
  if (asked === undefined) return freePort();
  if (await isPortFree(asked)) return asked;
  throw new ConfigError(
    'port_in_use',
    `Port ${asked} for the embedded Temporal server is in use; choose another with ${option}.`,
  );
}

async function chooseUiPort(asked: number | undefined, port: number): Promise<number> {
  return asked === undefined
    ? freePortNear(port + 1000)
    : demandPort(asked, '--temporal-port N (its UI is at N + 1000)');
}

/** True when the server answers and knows the namespace, which comes a moment after the service. */
async function answers(address: string, namespace: string): Promise<boolean> {
  let connection: Connection | undefined;
  try {
    connection = await Connection.connect({ address, connectTimeout: 2000 });
    await connection.workflowService.getSystemInfo({});
    await connection.workflowService.describeNamespace({ namespace });
    // This call succeeds only once the visibility store knows the search attributes.
    await connection.workflowService.countWorkflowExecutions({
      namespace,
      query: `${searchAttributes[0]} = ''`,
    });
    return true;
  } catch {
    return false;
  } finally {
    await connection?.close();
  }
}
