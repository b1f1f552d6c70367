import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../src/runtime/embedded/port.ts';
import { expectStats } from '../test/support/bench.ts';
import { createDatabase } from '../test/support/database.ts';
import { startCluster } from './support/cluster.ts';
import { createCustomers, fillCustomers } from './support/customers.ts';
import { median, say, timed } from './support/measure.ts';
import type { BenchOptions } from './support/options.ts';
import { writeResults } from './support/results.ts';
import { newFolder } from './support/folder.ts';
import { lastRun, main } from './support/sluice.ts';

/** Results of bench 5, in seconds and MiB. */
export interface StartResults {
  readonly rounds: number;
  /** `sluice dev` until `/readyz` says ready; data directory of an earlier start. */
  readonly devWarm: number;
  /** The same, with an empty data directory. */
  readonly devNew: number;
  /** `sluice run` of 1,000 rows, embedded, from start to exit; data directory of an earlier run. */
  readonly runWarm: number;
  /** The same, with an empty data directory. */
  readonly runNew: number;
  /** `npm ci --prefer-offline` in a fresh copy, with its build. */
  readonly install: number;
  /** `node_modules` after it; as a user has it, and without the packages for development. */
  readonly sizes: { readonly all: number; readonly production: number };
}

const root = fileURLToPath(new URL('../', import.meta.url));

/** Bench 5: how long one waits for Sluice. */
export async function benchStart({ rounds }: BenchOptions): Promise<void> {
  const cluster = await startCluster();
  try {
    const [source, destination] = [await createDatabase('source'), await createDatabase('crm')];
    await fillCustomers(source, 1000);
    const folder = newFolder();
    writeFileSync(join(folder, 'sluice.yaml'), project(source.url, destination.url));
    const run = async (dataDir: string) => {
      await createCustomers(destination);
      const args = [main, 'run', 'all', '--json', '--data-dir', dataDir];
      const { seconds, stdout } = await timed(process.execPath, args, {}, folder);
      expectStats(lastRun(stdout), { imported: 1000, created: 1000 });
      return seconds;
    };
    const dataDir = newFolder();
    const times = { devWarm: [], devNew: [], runWarm: [], runNew: [] } as Record<string, number[]>;
    await run(dataDir);
    await devReady(dataDir);
    for (let no = 0; no < rounds; no++) {
      times['runWarm']?.push(await run(dataDir));
      times['devWarm']?.push(await devReady(dataDir));
      times['runNew']?.push(await run(newFolder()));
      times['devNew']?.push(await devReady(newFolder()));
      say(
        Object.entries(times)
          .map(([name, all]) => `${name} ${all.at(-1)?.toFixed(2)} s`)
          .join(', '),
      );
    }
    const medians = Object.fromEntries(
      Object.entries(times).map(([name, all]) => [name, median(all)]),
    ) as Pick<StartResults, 'devWarm' | 'devNew' | 'runWarm' | 'runNew'>;
    const results: StartResults = { rounds, ...medians, ...(await install()) };
    writeResults('start', results, cluster.version);
  } finally {
    await cluster.stop();
  }
}

function project(source: string, destination: string): string {
  return `version: 1
connections:
  source: { type: postgres, url: "${source}" }
  destination: { type: postgres, url: "${destination}" }
syncs:
  all:
    source: { connection: source, stream: public.customers, key: id }
    destination: { connection: destination, stream: public.customers, key: id }
    mode: upsert
`;
}

/** Starts `sluice dev`, waits until it is ready and stops it. */
async function devReady(dataDir: string): Promise<number> {
  const [port, temporalPort] = [await freePort(), await freePort()];
  const ports = ['--port', String(port), '--temporal-port', String(temporalPort)];
  const start = performance.now();
  const child = spawn(process.execPath, [main, 'dev', '--data-dir', dataDir, ...ports], {
    stdio: 'ignore',
    cwd: dataDir,
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  while (!(await isReady(port))) {
    if (child.exitCode !== null) throw new Error('sluice dev did not start');
    await sleep(10);
  }
  const seconds = (performance.now() - start) / 1000;
  child.kill('SIGTERM');
  await ended;
  return seconds;
}

async function isReady(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/readyz`)).ok;
  } catch {
    return false; // not yet listening
  }
}

/** Installs a fresh copy of what is committed, from npm's own cache where that has the packages. */
async function install(): Promise<Pick<StartResults, 'install' | 'sizes'>> {
  const folder = join(newFolder(), 'sluice');
  mkdirSync(folder);
  const npm = (...args: string[]) =>
    timed('npm', ['ci', '--prefer-offline', '--no-audit', ...args], {}, folder);
  const tar = join(folder, 'sluice.tar');
  execFileSync('git', ['archive', '--output', tar, 'HEAD'], { cwd: root });
  execFileSync('tar', ['xf', tar], { cwd: folder });
  await npm('--ignore-scripts');
  const { seconds } = await npm();
  const all = sizeOf(join(folder, 'node_modules'));
  await npm('--omit=dev', '--ignore-scripts');
  const production = sizeOf(join(folder, 'node_modules'));
  rmSync(folder, { recursive: true });
  say(`npm ci ${seconds.toFixed(1)} s, ${all} MiB, ${production} MiB in production`);
  return { install: seconds, sizes: { all, production } };
}

function sizeOf(folder: string): number {
  const [kibibytes] = execFileSync('du', ['-sk', folder], { encoding: 'utf8' }).split('\t');
  return Math.round(Number(kibibytes) / 1024);
}
