import { setTimeout as sleep } from 'node:timers/promises';
import { syncWorkflowId } from '../src/model/workflow.ts';
import { expectStats, putSync, type SyncInput } from '../test/support/bench.ts';
import { createDatabase, type Database } from '../test/support/database.ts';
import { startCluster } from './support/cluster.ts';
import { createCustomers, fillCustomers } from './support/customers.ts';
import { startEndlessApi } from './support/endless-api.ts';
import { say } from './support/measure.ts';
import { isWanted, type BenchOptions } from './support/options.ts';
import { readResults, writeResults } from './support/results.ts';
import { startSluice, type Sluice } from './support/sluice.ts';
import { costOf, countedCalls, type Calls, type Cost } from './support/temporal-cost.ts';

/** The ways of records that are measured. */
export const paths = ['Postgres → Postgres', 'API → Postgres', 'Postgres → API'] as const;
export type Path = (typeof paths)[number];

/** The cost of one run; heartbeats are among its actions. */
export interface RunCost extends Cost {
  readonly path: Path;
  readonly records: number;
  readonly seconds: number;
  /** Made by those who watch the run; not among the actions. */
  readonly queries: number;
}

/** Results of bench 3. */
export interface CostResults {
  readonly runs: readonly RunCost[];
  /** A scheduled run that finds nothing new: what it costs each time. */
  readonly idle?: Cost;
}

interface Setup {
  readonly sluice: Sluice;
  readonly calls: Calls;
  readonly source: Database;
  readonly destination: Database;
}

const names: Record<Path, string> = {
  'Postgres → Postgres': 'postgres',
  'API → Postgres': 'read',
  'Postgres → API': 'write',
};

/** Bench 3: what runs cost on Temporal. `--rows` is the largest of the sizes, from 10,000 in steps of ten. */
export async function benchCost(options: BenchOptions): Promise<void> {
  const cluster = await startCluster();
  const calls = await countedCalls();
  const sluice = await startSluice({ env: calls.env });
  try {
    const setup = {
      sluice,
      calls,
      source: await createDatabase('source'),
      destination: await createDatabase('destination'),
    };
    const before = options.add ? readResults<CostResults>('cost')?.data : undefined;
    const runs = [...(before?.runs ?? [])];
    let idle = before?.idle;
    for (let records = 10_000; records <= (options.rows ?? 1_000_000); records *= 10) {
      for (const path of paths.filter((one) => isWanted(options, names[one]))) {
        const cost = await costOfRun(setup, path, records);
        const again = runs.findIndex((one) => one.path === path && one.records === records);
        runs.splice(again < 0 ? runs.length : again, again < 0 ? 0 : 1, cost);
        say(`${path} ${records}: ${cost.events} events, actions ${JSON.stringify(cost.actions)}`);
        writeResults(
          'cost',
          { runs, ...(idle && { idle }) } satisfies CostResults,
          cluster.version,
        );
      }
    }
    if (isWanted(options, 'idle')) {
      idle = await costOfIdle(setup);
      say(`idle: ${idle.events} events, actions ${JSON.stringify(idle.actions)}`);
    }
    writeResults('cost', { runs, ...(idle && { idle }) } satisfies CostResults, cluster.version);
  } finally {
    await sluice.close();
    await cluster.stop();
  }
}

async function costOfRun(setup: Setup, path: Path, records: number): Promise<RunCost> {
  const { sluice, calls } = setup;
  const sync = `${names[path]}-${records}`;
  const close = await declare(setup, path, sync, records);
  const before = await calls.count();
  const { seconds, run } = await sluice.run(sync);
  const after = await calls.count();
  await close();
  expectStats(run, { imported: records, created: records });
  const { actions, ...cost } = await costOf(sluice.stack, syncWorkflowId(sync));
  const heartbeats = after.heartbeats - before.heartbeats;
  return {
    path,
    records,
    seconds,
    ...cost,
    actions: { ...actions, ...(heartbeats > 0 && { heartbeat: heartbeats }) },
    queries: after.queries - before.queries,
  };
}

/** Makes what the sync needs, and the sync; returns what takes it down. */
async function declare(
  { sluice, source, destination }: Setup,
  path: Path,
  sync: string,
  records: number,
): Promise<() => Promise<void>> {
  const { connections } = sluice.stack.client;
  await connections.put('source', { type: 'postgres', url: source.url });
  await connections.put('destination', { type: 'postgres', url: destination.url });
  const contacts = { connection: 'api', stream: 'records', key: 'id' };
  if (path !== 'API → Postgres') await fillCustomers(source, records);
  if (path === 'Postgres → Postgres') await createCustomers(destination);
  if (path === 'API → Postgres')
    await destination.query(`DROP TABLE IF EXISTS public.customers;
      CREATE TABLE public.customers (id bigint PRIMARY KEY, email text, name text, plan int)`);
  const api = await startEndlessApi(records);
  await connections.put('api', apiSettings(api.url));
  const specs: Record<Path, SyncInput> = {
    'Postgres → Postgres': {
      source: customers('source'),
      destination: customers('destination'),
      mode: 'upsert',
    },
    'API → Postgres': { source: contacts, destination: customers('destination'), mode: 'upsert' },
    'Postgres → API': {
      source: customers('source'),
      destination: contacts,
      mode: 'upsert',
      fields: { email: 'email', name: 'first_name', plan: 'plan' },
    },
  };
  await putSync(sluice.stack, sync, specs[path]);
  return () => api.close();
}

function customers(connection: string): SyncInput['source'] {
  return { connection, stream: 'public.customers', key: 'id' };
}

function apiSettings(url: string): { type: 'http' } & Record<string, unknown> {
  return {
    type: 'http',
    url,
    streams: {
      records: {
        key: 'id',
        read: {
          path: '/records',
          records: 'data',
          pagination: { type: 'offset', size: 100, more: 'more' },
        },
        upsert: {
          method: 'POST',
          path: '/records/bulk',
          bulk: { size: 100, wrap: 'records', results: 'results' },
        },
      },
    },
  };
}

/** The mean of some scheduled runs after the first, which alone finds something. */
async function costOfIdle(setup: Setup): Promise<Cost> {
  const { sluice, calls } = setup;
  const { stack } = sluice;
  await declare(setup, 'Postgres → Postgres', 'unused', 1000);
  await createCustomers(setup.destination);
  const ended = async () => {
    const { runs } = await stack.client.runs.list({ sync: 'idle' });
    return runs.filter(({ finishedAt }) => finishedAt !== null).length;
  };
  const all = async () => {
    const [runs, parents] = [
      await costOf(stack, syncWorkflowId('idle')),
      await costOf(stack, 'scheduled/idle'),
    ];
    return { runs, parents, calls: await calls.count(), ended: await ended() };
  };
  await putSync(stack, 'idle', {
    source: { ...customers('source'), watermark: 'updated_at' },
    destination: customers('destination'),
    mode: 'upsert',
    schedule: { every: '10s' },
  });
  while ((await ended()) < 1) await sleep(100);
  await sleep(2000);
  const before = await all();
  while ((await ended()) < before.ended + 3) await sleep(100);
  await sleep(2000);
  const after = await all();
  await stack.client.syncs.remove('idle');
  const ticks = after.ended - before.ended;
  const each = (of: (state: typeof after) => number) => (of(after) - of(before)) / ticks;
  const kinds = Object.keys({ ...after.runs.actions, ...after.parents.actions });
  return {
    executions: each(({ runs, parents }) => runs.executions + parents.executions),
    events: each(({ runs, parents }) => runs.events + parents.events),
    bytes: each(({ runs, parents }) => runs.bytes + parents.bytes),
    actions: {
      schedule: 2,
      ...Object.fromEntries(
        kinds.map((kind) => [
          kind,
          each(({ runs, parents }) => (runs.actions[kind] ?? 0) + (parents.actions[kind] ?? 0)),
        ]),
      ),
      heartbeat: each((state) => state.calls.heartbeats),
    },
  };
}
