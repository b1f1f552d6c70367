import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectStats, finished, openBench, putSync, runSync, until } from '../support/bench.ts';
import type { Bench } from '../support/bench.ts';
import { planFaults, type Faults } from '../support/faults.ts';
import { connectJobSystem, jobStarted, withJobConnector } from '../support/job-bench.ts';
import type { RemoteJobSystem } from '../support/job-system-process.ts';
import { withTemporal } from '../support/temporal-history.ts';

let bench: Bench;
let faults: Faults;
let system: RemoteJobSystem;

beforeAll(async () => {
  faults = planFaults();
  bench = await openBench(withJobConnector({ workers: 2, env: faults.env }));
  system = await connectJobSystem(bench.stack, 1_500);
}, 60_000);
afterAll(async () => {
  await bench?.close();
  await system?.close();
  faults?.close();
});

/** Declares a sync of `count` rows of a table, whose codes begin with its name, to the job system. */
async function declareWrite(name: string, count: number): Promise<void> {
  await bench.shop.query(
    `CREATE TABLE ${name} AS SELECT '${name}' || n AS code, 'name ' || n AS name, '1' AS note
       FROM generate_series(1, ${count}) n; ALTER TABLE ${name} ADD PRIMARY KEY (code)`,
  );
  await putSync(bench.stack, name, {
    source: { connection: 'shop', stream: `public.${name}`, key: 'code' },
    destination: { connection: 'bulk', stream: 'contacts', key: 'code' },
    mode: 'upsert',
  });
}

/** Declares a sync of `count` records of the job system to a table. */
async function declareRead(name: string, count: number): Promise<void> {
  await bench.crm.query(
    `CREATE TABLE ${name} (id text, code text PRIMARY KEY, name text, note text)`,
  );
  const records = Array.from({ length: count }, (_, n) => ({ code: `c${n}`, name: 'n' }));
  await system.seed('companies', records);
  await putSync(bench.stack, name, {
    source: { connection: 'bulk', stream: 'companies', key: 'code' },
    destination: { connection: 'crm', stream: `public.${name}`, key: 'code' },
    mode: 'upsert',
  });
}

/** How many jobs the system has started, and how many records they have made. */
async function counts(): Promise<{ ingest: number; query: number; created: number }> {
  const { jobs, created } = await system.stats();
  return { ...jobs, created };
}

/** What has been added since `before`. */
async function since(before: Awaited<ReturnType<typeof counts>>): Promise<typeof before> {
  const now = await counts();
  return {
    ingest: now.ingest - before.ingest,
    query: now.query - before.query,
    created: now.created - before.created,
  };
}

test('the records of a job that the system has lost are record errors, which a retry mends (R8)', async () => {
  const { client } = bench.stack;
  await declareWrite('lost', 20);
  const before = await counts();
  const { id } = await client.runs.start('lost');
  await jobStarted(system, 'ingest', before.ingest);
  await system.fault({ kind: 'forget' });
  const run = await finished(client, id);
  expect(run).toMatchObject({ status: 'completed', outcome: 'partial', stats: { errors: 20 } });
  const { errors } = await client.runs.errors(id, { limit: 100 });
  expect(new Set(errors.map(({ code }) => code))).toEqual(new Set(['job_lost']));
  expect(errors.every(({ retryable }) => retryable)).toBe(true);
  const retried = await finished(client, (await client.runs.act(id, 'retry-errors')).id);
  expectStats(retried, { imported: 20, created: 20 });
  expect(await since(before)).toEqual({ ingest: 2, query: 0, created: 20 });
}, 60_000);

test('an export that is lost before it was read is submitted anew', async () => {
  const { client } = bench.stack;
  await declareRead('reread', 10);
  const before = await counts();
  const { id } = await client.runs.start('reread');
  await jobStarted(system, 'query', before.query);
  await system.fault({ kind: 'forget', jobs: 'query' });
  expectStats(await finished(client, id), { imported: 10, created: 10 });
  expect(await since(before)).toMatchObject({ query: 2 });
}, 60_000);

test('an export that is lost between two of its pages fails the run, which says what to do', async () => {
  const { client } = bench.stack;
  await declareRead('torn', 26_000);
  faults.plan({ point: 'import.after-commit', action: 'freeze', sync: 'torn' });
  const { id } = await client.runs.start('torn');
  const worker = await faults.strike();
  await system.fault({ kind: 'forget', jobs: 'query' });
  process.kill(worker, 'SIGCONT');
  const run = await finished(client, id);
  expect(run).toMatchObject({
    status: 'failed',
    failure: { code: 'job_lost', connection: 'bulk' },
  });
  expect(run.failure?.message).toContain('run the sync again');
  const again = await runSync(bench.stack, 'torn');
  expect(again).toMatchObject({ status: 'completed', stats: { imported: 26_000, errors: 0 } });
}, 90_000);

test.each(['job.before-submit', 'job.after-submit'] as const)(
  'an export whose worker is killed at %s is submitted once',
  async (point) => {
    const { client } = bench.stack;
    const name = point.replaceAll(/\W/g, '_');
    await declareRead(name, 10);
    const before = await counts();
    faults.plan({ point, action: 'kill', sync: name });
    const { id } = await client.runs.start(name);
    await faults.strike();
    expectStats(await finished(client, id), { imported: 10, created: 10 });
    expect(await since(before)).toMatchObject({ query: 1 });
  },
  90_000,
);

test('a job that cannot be asked about for a moment is asked again', async () => {
  const { client } = bench.stack;
  await declareWrite('stumbling', 20);
  const before = await counts();
  const { id } = await client.runs.start('stumbling');
  await jobStarted(system, 'ingest', before.ingest);
  await system.fault({ kind: '500', times: 2 });
  expectStats(await finished(client, id), { imported: 20, created: 20 });
  expect(await since(before)).toEqual({ ingest: 1, query: 0, created: 20 });
}, 60_000);

test('a run tells which job it waits for; paused it leaves the job, and takes it up when it is resumed', async () => {
  const { client } = bench.stack;
  await declareWrite('paused', 20);
  const before = await counts();
  await system.fault({ kind: 'slow', polls: 4 });
  const { id } = await client.runs.start('paused');
  await until(client, id, ({ waitingUntil }) => waitingUntil !== null);
  expect(await detailsOf('paused')).toContain(`Waits for job \`${id}-0-0\` of \`bulk\`.`);
  await client.runs.act(id, 'pause');
  await until(client, id, ({ status }) => status === 'paused');
  await client.runs.act(id, 'resume');
  expectStats(await finished(client, id), { imported: 20, created: 20 });
  expect(await since(before)).toEqual({ ingest: 1, query: 0, created: 20 });
}, 60_000);

test('cancelled while a job is about to end, a run counts what the job has done (R10)', async () => {
  const { client } = bench.stack;
  await declareWrite('cancelled', 20);
  const before = await counts();
  await system.fault({ kind: 'slow', polls: 3 });
  const { id } = await client.runs.start('cancelled');
  await jobStarted(system, 'ingest', before.ingest);
  await client.runs.act(id, 'cancel');
  const run = await finished(client, id);
  expect(run).toMatchObject({
    status: 'cancelled',
    failure: null,
    stats: { imported: 20, created: 20 },
  });
  expect(await since(before)).toEqual({ ingest: 1, query: 0, created: 20 });
}, 60_000);

test('cancelled while a job goes on, a run says so; the next one waits for the job and counts it (R5)', async () => {
  const { client } = bench.stack;
  await declareWrite('unsettled', 20);
  const before = await counts();
  await system.fault({ kind: 'slow', polls: 20 });
  const { id } = await client.runs.start('unsettled');
  await jobStarted(system, 'ingest', before.ingest);
  await client.runs.act(id, 'cancel');
  const cancelled = await finished(client, id);
  expect(cancelled).toMatchObject({
    status: 'cancelled',
    failure: { code: 'unsettled', connection: 'bulk' },
    stats: { imported: 0, created: 0 },
  });
  expectStats(await runSync(bench.stack, 'unsettled'), { imported: 20, unchanged: 20 });
  expect(await client.runs.get(id)).toMatchObject({
    status: 'cancelled',
    failure: null,
    stats: { imported: 20, created: 20 },
  });
  expect(await since(before)).toEqual({ ingest: 1, query: 0, created: 20 });
}, 90_000);

/** What the Temporal UI shows of the open run of a sync. */
function detailsOf(sync: string): Promise<string> {
  return withTemporal(bench.stack, async ({ workflow }) => {
    const handle = workflow.getHandle(`sync/${sync}`);
    const { currentDetails } = await handle.query<{ currentDetails: string }>(
      '__temporal_workflow_metadata',
    );
    return currentDetails;
  });
}
