import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createClient, type Client } from '../../src/cli/client.ts';
import { freePort } from '../../src/runtime/embedded/port.ts';

/** A `sluice dev` of its own, started as a user would. */
export interface Stack {
  /** The url of the API. */
  readonly url: string;
  readonly client: Client;
  /** `host:port` of its Temporal server. */
  readonly temporal: string;
  /** The url of its state database, when that is not embedded. */
  readonly databaseUrl?: string;
  readonly dataDir: string;
  /** Returns everything that it printed. */
  output(): string;
  workerPids(): number[];
  /** Returns the process id of an embedded server. */
  serverPid(server: 'postgres' | 'temporal'): number;
  /** Ends the process group at once, as a power cut would. */
  kill(): Promise<void>;
  /** Ends it in an orderly way, and removes its data. */
  stop(): Promise<void>;
}

const main = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

/** The ways in which a stack differs from the usual one. */
export interface StackOptions {
  /** The number of worker processes. Default 1. */
  readonly workers?: number;
  /** Variables added to the environment of all its processes. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Starts `sluice dev` and waits until it is ready.
 * @param dataDir that of a stack that was killed; default: a new one
 */
export async function startStack(
  dataDir = newDataDir(),
  { workers = 1, env = {} }: StackOptions = {},
): Promise<Stack> {
  const temporalPort = await freePort();
  const ports = ['--port', '0', '--temporal-port', String(temporalPort)];
  const child = spawn(
    process.execPath,
    [main, 'dev', '--data-dir', dataDir, ...ports, '--workers', String(workers)],
    {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: dataDir,
      env: { ...process.env, ...env },
    },
  );
  let printed = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => (printed += data.toString()));
  const url = await listening(child, () => printed);
  return {
    url,
    client: createClient(url),
    temporal: env['TEMPORAL_ADDRESS'] ?? `127.0.0.1:${temporalPort}`,
    ...(env['SLUICE_DATABASE_URL'] !== undefined && { databaseUrl: env['SLUICE_DATABASE_URL'] }),
    dataDir,
    output: () => printed,
    workerPids: () => workersOf(dataDir),
    serverPid: (server) => serverOf(dataDir, server),
    kill: () => end(child, () => process.kill(-(child.pid ?? 0), 'SIGKILL')),
    stop: async () => {
      await end(child, () => child.kill('SIGTERM'));
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

function newDataDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-stack-'));
  chmodSync(dir, 0o755);
  return dir;
}

async function listening(child: ChildProcess, printed: () => string): Promise<string> {
  for (let tries = 0; tries < 600; tries++) {
    const url = /Sluice listens on (\S+)/.exec(printed())?.[1];
    if (url !== undefined && (await isReady(url))) return url;
    if (child.exitCode !== null) break;
    await sleep(100);
  }
  child.kill('SIGKILL');
  throw new Error(`sluice dev did not start:\n${printed()}`);
}

async function isReady(url: string): Promise<boolean> {
  return (await fetch(`${url}/readyz`)).status === 200;
}

async function end(child: ChildProcess, how: () => void): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  how();
  await exited;
}

function serverOf(dataDir: string, server: 'postgres' | 'temporal'): number {
  if (server === 'postgres') {
    const file = readFileSync(join(dataDir, 'postgres/postmaster.pid'), 'utf8');
    return Number(file.split('\n', 1)[0]);
  }
  const pid = processes().find((one) => commandLine(one).includes(join(dataDir, 'temporal.db')));
  if (pid === undefined) throw new Error('the embedded Temporal does not run');
  return pid;
}

function processes(): number[] {
  return readdirSync('/proc').map(Number).filter(Boolean);
}

function workersOf(dataDir: string): number[] {
  return processes().filter((pid) => {
    const line = commandLine(pid);
    return line.includes('worker') && line.includes(dataDir);
  });
}

function commandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return []; // it has ended in the meantime
  }
}
