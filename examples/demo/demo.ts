import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { RunView } from '../../src/api/run-view.ts';
import { createClient, type Client } from '../../src/cli/client.ts';
import { isOver } from '../../src/model/run.ts';
import { parseProject } from '../../src/project/load.ts';
import type { Project } from '../../src/project/project.ts';
import { startEmbeddedPostgres } from '../../src/runtime/embedded/postgres.ts';
import { startDev } from '../../src/runtime/index.ts';
import { logger } from '../../src/runtime/log.ts';
import { quota, startCityApi, type Ledger } from './api.ts';
import { loadCities } from './cities.ts';
import { createProgress } from './progress.ts';
import { report } from './report.ts';

type Dev = Awaited<ReturnType<typeof startDev>>;

/** What was started, last first when stopped. */
const started: (() => Promise<unknown>)[] = [];
const began = Date.now();

// The demo brings everything it needs: it must not meet a database or a Temporal server of yours.
for (const name of Object.keys(process.env))
  if (/^(SLUICE_(?!TEMPORAL_CLI)|TEMPORAL_)/.test(name)) delete process.env[name];
logger.level = 'error';

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void stopAll().finally(() => process.exit(130)));
try {
  process.exitCode = (await demo()) ? 0 : 1;
} catch (error) {
  console.error(`The demo failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  await stopAll();
}
console.log(`Everything is stopped and removed. ${elapsed()} in all.`);
process.exit();

async function demo(): Promise<boolean> {
  const dir = await temporaryDir();
  console.log('Loading the cities of the npm package country-state-city into Postgres …');
  const source = await startEmbeddedPostgres({ dir: join(dir, 'source'), log: () => undefined });
  started.push(() => source.stop());
  const total = await loadCities(source.url);
  console.log(`  ${total} rows by COPY, ${elapsed()}`);
  const api = await startCityApi();
  started.push(() => api.close());
  console.log(`Destination: ${api.url}, at most ${quota.requests} calls a second`);
  console.log('Starting Sluice (the very first start gets the Temporal server) …');
  const project = readProject({ CITIES_DATABASE_URL: source.url, GEO_API_URL: api.url });
  const dataDir = join(dir, 'sluice');
  const dev = await startDev({ project, dataDir, port: 0, temporalPort: 0, workers: 1 });
  started.push(() => dev.stop());
  console.log(`  Temporal UI: ${dev.uiUrl ?? 'none'}`);
  console.log(`  API and console: ${dev.url}, ${elapsed()}`);
  return runTwice(dev, api.ledger, total);
}

async function runTwice(dev: Dev, ledger: Ledger, total: number): Promise<boolean> {
  const client = createClient(dev.url);
  const killer = killHalfway(dev, ledger, total);
  console.log('First run: everything is new');
  const first = await runShown(client, ledger, total, (run) => {
    killer.watch();
    return Math.max(ledger.cities.size, settled(run));
  });
  const callsOfFirst = ledger.calls.length;
  console.log('Second run: nothing has changed');
  const second = await runShown(client, ledger, total, settled);
  const { killedAt, workers } = killer;
  const seen = { total, first, second, ledger, callsOfFirst, killedAt, workers };
  const { lines, failed } = report(seen);
  console.log(`\n${lines.join('\n')}\n`);
  for (const what of failed) console.log(`NOT TRUE: ${what}`);
  return failed.length === 0;
}

/** Kills the worker once half of the records have arrived; notes which workers there were. */
function killHalfway(dev: Dev, ledger: Ledger, total: number) {
  const workers = [...dev.workerPids()];
  return {
    workers,
    killedAt: 0,
    watch(): void {
      for (const pid of dev.workerPids()) if (!workers.includes(pid)) workers.push(pid);
      const [pid] = dev.workerPids();
      if (this.killedAt > 0 || ledger.cities.size < total / 2 || pid === undefined) return;
      this.killedAt = Date.now();
      process.kill(pid, 'SIGKILL');
      console.log(`\n  kill -9 ${pid}: the worker is gone; the run waits for its successor`);
    },
  };
}

/** Runs the sync to its end, with a progress bar. */
async function runShown(
  client: Client,
  ledger: Ledger,
  total: number,
  doneOf: (run: RunView) => number,
): Promise<RunView> {
  let run = await client.runs.start('cities');
  const progress = createProgress('cities', total);
  const show = (): void =>
    progress.show(doneOf(run), `${ledger.calls.length} calls, ${ledger.limited} refused`);
  const timer = setInterval(show, 100);
  try {
    for await (const state of client.runs.follow(run.id)) {
      run = state;
      if (isOver(run.status)) break;
    }
    show();
  } finally {
    clearInterval(timer);
    progress.stop();
  }
  return run;
}

function settled({ stats }: RunView): number {
  return stats.created + stats.updated + stats.unchanged;
}

/** The project file lies beside this file's source, also when this is the compiled copy in `dist`. */
function readProject(env: Readonly<Record<string, string>>): Project {
  let root = import.meta.dirname;
  while (!existsSync(join(root, 'package.json'))) root = dirname(root);
  const file = join(root, 'examples', 'demo', 'sluice.yaml');
  return parseProject(readFileSync(file, 'utf8'), file, env);
}

/** The user that Postgres runs as, where this is root, must be able to pass through. */
async function temporaryDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'sluice-demo-'));
  started.push(() => rm(dir, { recursive: true, force: true }));
  await chmod(dir, 0o711);
  await mkdir(join(dir, 'source'), { mode: 0o711 });
  return dir;
}

async function stopAll(): Promise<void> {
  for (let stop = started.pop(); stop !== undefined; stop = started.pop())
    await stop().catch((error: unknown) => console.error(`Not stopped: ${String(error)}`));
}

function elapsed(): string {
  return `${((Date.now() - began) / 1000).toFixed(1)} s`;
}
