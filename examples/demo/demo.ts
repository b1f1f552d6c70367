import type { RunView } from '../../src/api/views/run-view.ts';
import { createClient, type Client } from '../../src/cli/client.ts';
import { isOver } from '../../src/model/run.ts';
import { play, readProject, type Dev, type Stage } from '../stage.ts';
import { quota, startCityApi, type Ledger } from './api.ts';
import { loadCities } from './cities.ts';
import { createProgress } from './progress.ts';
import { report } from './report.ts';

await play('demo', demo);

async function demo(stage: Stage): Promise<boolean> {
  console.log('Loading the cities of the npm package country-state-city into Postgres …');
  const sourceUrl = await stage.startPostgres();
  const total = await loadCities(sourceUrl);
  console.log(`  ${total} rows by COPY, ${stage.elapsed()}`);
  const api = await startCityApi();
  stage.onEnd(() => api.close());
  console.log(`Destination: ${api.url}, at most ${quota.requests} calls a second`);
  console.log('Starting Sluice (the very first start gets the Temporal server) …');
  const env = { CITIES_DATABASE_URL: sourceUrl, GEO_API_URL: api.url };
  const dev = await stage.startSluice(readProject('demo', env));
  console.log(`  Temporal UI: ${dev.uiUrl ?? 'none'}`);
  console.log(`  API and console: ${dev.url}, ${stage.elapsed()}`);
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
