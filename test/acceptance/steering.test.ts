import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { noStats } from '../../src/model/outcome.ts';
import { newRunId } from '../../src/model/run-id.ts';
import { entityWorkflowId, syncWorkflowId, taskQueue } from '../../src/model/workflow.ts';
import {
  expectStats,
  finished,
  openBench,
  putSync,
  runSync,
  tableSync,
  until,
  type Bench,
} from '../support/bench.ts';
import { putEntity } from '../support/entity-bench.ts';
import { expectTidy, queryState } from '../support/oracle.ts';
import { startStrictApi, type StrictApi } from '../support/strict-api.ts';
import { withTemporal } from '../support/temporal-history.ts';

const apis: StrictApi[] = [];
let bench: Bench;

beforeAll(async () => {
  bench = await openBench({ workers: 2 });
});
afterAll(async () => {
  await bench.close();
  await Promise.all(apis.map((api) => api.close()));
});

test.concurrent('paused in a back-off it stays put, and goes on at once; cancelled in one it ends at once', async () => {
  const { client } = bench.stack;
  const api = await apiSync('down', 40);
  api.faults.fail = Number.MAX_SAFE_INTEGER;
  const { id } = await client.runs.start('down');
  await failing('down', 3);
  await client.runs.act(id, 'pause');
  await until(client, id, ({ status }) => status === 'paused');
  api.faults.fail = 0;
  const { requests } = api.stats();
  await sleep(1500);
  expect(api.stats().requests).toBe(requests);
  await client.runs.act(id, 'resume');
  expectStats(await finished(client, id), { imported: 40, created: 40 });
  expect(api.log).toHaveLength(40);

  await bench.shop.query(`UPDATE down SET name = name || '!'`);
  api.faults.fail = Number.MAX_SAFE_INTEGER;
  const again = await client.runs.start('down');
  await failing('down', 3);
  const began = Date.now();
  await client.runs.act(again.id, 'cancel');
  const run = await finished(client, again.id);
  expect(Date.now() - began).toBeLessThan(10_000);
  expect(run).toMatchObject({ status: 'cancelled', failure: null, stats: { imported: 0 } });
  await expectTidy(bench.stack, again.id);
});

test.concurrent('cancelled while calls hang: they are cut, and what nobody knows is told (R10)', async () => {
  const { client } = bench.stack;
  const api = await apiSync('hanging', 40);
  api.faults.hang = Number.MAX_SAFE_INTEGER;
  const { id } = await client.runs.start('hanging');
  await until(client, id, () => api.log.length >= 16);
  const began = Date.now();
  await client.runs.act(id, 'cancel');
  const run = await finished(client, id);
  expect(Date.now() - began).toBeLessThan(10_000);
  expect(run).toMatchObject({ status: 'cancelled', stats: { created: 0 } });
  const { errors } = await client.runs.errors(id);
  expect(errors).toHaveLength(api.log.length);
  expect(new Set(errors.map(({ code }) => code))).toEqual(new Set(['unknown_outcome']));
});

test.concurrent('terminated by hand it counts as failed; the next run settles and tidies what it left', async () => {
  const { stack, crm } = bench;
  const { client } = stack;
  await slowTable('ended', 110_000, 1);
  const { id } = await client.runs.start('ended');
  await until(client, id, ({ stats }) => stats.created > 0);
  await blockedIn(crm, 'ended');
  await withTemporal(stack, ({ workflow }) =>
    workflow.getHandle(syncWorkflowId('ended')).terminate('by hand'),
  );
  const next = await runSync(stack, 'ended');
  const dead = await client.runs.get(id);
  expect(dead).toMatchObject({ status: 'failed', failure: { code: 'terminated' } });
  const { created } = dead.stats;
  expect(created).toBeGreaterThan(0);
  expectStats(next, { imported: 110_000, created: 110_000 - created, unchanged: created });
  await expectTidy(stack, id, crm);
});

test.concurrent('cancelled or failed before its first step, a run ends all the same, and frees its workflow id', async () => {
  const { stack, shop, crm } = bench;
  await shop.query('CREATE TABLE early (id int PRIMARY KEY, v text)');
  await crm.query('CREATE TABLE early (id int PRIMARY KEY, v text)');
  await putSync(stack, 'early', tableSync('early'));
  await putEntity(stack, 'early_people', {
    fields: { v: 'text' },
    sources: {
      shop: {
        source: { connection: 'shop', stream: 'public.early', id: 'id', watermark: 'id' },
        fields: { v: 'v' },
      },
    },
  });
  const sync = { run: newRunId(Date.now(), randomUUID()), sync: 'early', searchable: false };
  const cycle = {
    run: newRunId(Date.now(), randomUUID()),
    entity: 'early_people',
    searchable: false,
  };
  const gone = { run: newRunId(Date.now(), randomUUID()), sync: 'gone', searchable: false };
  await withTemporal(stack, async ({ workflow }) => {
    // Both workflows start when their cancel request is there already, as may happen to a cycle's destination.
    const options = { taskQueue, startDelay: '2s' } as const;
    const early = [
      await workflow.start('syncRun', {
        ...options,
        workflowId: syncWorkflowId('early'),
        args: [sync],
      }),
      await workflow.start('entityCycle', {
        ...options,
        workflowId: entityWorkflowId('early_people'),
        args: [{ ...cycle, drain: false }],
      }),
    ];
    for (const handle of early) await handle.cancel();
    for (const handle of early) await expect(handle.result()).rejects.toThrow('cancelled');
    const workflowId = syncWorkflowId('gone');
    expect(
      await workflow.execute('syncRun', { taskQueue, workflowId, args: [gone] }),
    ).toMatchObject({ status: 'failed', failure: { code: 'unknown_sync' }, stats: noStats });
  });
  for (const { run } of [sync, cycle])
    expect(await stack.client.runs.get(run)).toMatchObject({ status: 'cancelled', failure: null });
  expectStats(await runSync(stack, 'early'), {});
});

test('cancelled between the commits of destination and state: the chunk counts (R10)', async () => {
  const { stack, shop, crm } = bench;
  await shop.query(`CREATE TABLE two (id int PRIMARY KEY, v text);
    INSERT INTO two SELECT n, 'v' || n FROM generate_series(1, 50) n`);
  await crm.query('CREATE TABLE two (id int PRIMARY KEY, v text)');
  await putSync(stack, 'two', tableSync('two'));
  const lock = queryState(
    stack,
    `DO $$ BEGIN LOCK TABLE record_errors IN EXCLUSIVE MODE; PERFORM pg_sleep(60); END $$`,
  ).catch(() => undefined);
  const { id } = await stack.client.runs.start('two');
  await eventually(async () => (await crm.value('SELECT count(*) FROM two')) === '50');
  await stack.client.runs.act(id, 'cancel');
  // The attempt under way must fail to commit, as when its worker dies.
  await eventually(() => endBackends(`wait_event_type = 'Lock'`));
  await sleep(1000);
  await eventually(() => endBackends(`query LIKE 'DO %'`));
  await lock;
  const run = await finished(stack.client, id);
  expect(run).toMatchObject({ status: 'cancelled', stats: { imported: 50, created: 50 } });
  await expectTidy(stack, id, crm);
});

test('a worker told to leave hands its work back: another goes on at once, nothing is done twice', async () => {
  const { stack, crm } = bench;
  const { client } = stack;
  await slowTable('drained', 60_000, 3);
  const { id } = await client.runs.start('drained');
  await blockedIn(crm, 'drained');
  const pid = await busyWorker('drained');
  const began = Date.now();
  process.kill(pid, 'SIGTERM');
  await until(client, id, () => new RegExp(`Worker ${pid} ended`).test(stack.output()));
  expect(Date.now() - began).toBeLessThan(12_000);
  expect(stack.output()).toContain(`Worker ${pid} ended with code 0`);
  expectStats(await finished(client, id), { imported: 60_000, created: 60_000 });
  const failures = await lastFailures('drained');
  expect(failures.length).toBeGreaterThan(0);
  expect(new Set(failures)).toEqual(new Set(['worker_left']));
});

/** Makes a sync of `rows` records to a strict API of its own. */
async function apiSync(name: string, rows: number): Promise<StrictApi> {
  const { stack, shop } = bench;
  const api = await startStrictApi();
  apis.push(api);
  const lookup = {
    path: '/contacts/lookup',
    method: 'POST',
    batch: 50,
    body: { keys: '{keys}' },
    records: 'records',
  };
  const contacts = {
    key: 'email',
    lookup,
    create: { path: '/contacts' },
    update: { path: '/contacts/{key}' },
  };
  await stack.client.connections.put(name, { type: 'http', url: api.url, streams: { contacts } });
  await shop.query(`CREATE TABLE ${name} (email text PRIMARY KEY, name text);
    INSERT INTO ${name} SELECT 'u' || n || '@x.org', 'U' || n FROM generate_series(1, ${rows}) n`);
  await putSync(stack, name, {
    source: { connection: 'shop', stream: `public.${name}`, key: 'email' },
    destination: { connection: name, stream: 'contacts', key: 'email' },
    mode: 'upsert',
    fields: { full_name: 'name' },
  });
  return api;
}

/** Makes a sync of `rows` rows into a table, each of whose chunks takes `seconds`. */
async function slowTable(name: string, rows: number, seconds: number): Promise<void> {
  const { stack, shop, crm } = bench;
  await shop.query(`CREATE TABLE ${name} (id int PRIMARY KEY, v text);
    INSERT INTO ${name} SELECT n, 'v' || n FROM generate_series(1, ${rows}) n`);
  await crm.query(`CREATE TABLE ${name} (id int PRIMARY KEY, v text);
    CREATE FUNCTION ${name}_wait() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN PERFORM pg_sleep(${seconds}); RETURN NULL; END $$;
    CREATE TRIGGER wait AFTER INSERT ON ${name} FOR EACH STATEMENT EXECUTE FUNCTION ${name}_wait()`);
  await putSync(stack, name, tableSync(name));
}

async function blockedIn(db: Bench['crm'], table: string): Promise<void> {
  await eventually(async () => {
    const count = await db.value(
      `SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'INSERT INTO %${table}%' AND wait_event = 'PgSleep'`,
    );
    return count !== '0';
  });
}

/** Ends sessions of the state database; returns false when there are none. */
async function endBackends(condition: string): Promise<boolean> {
  const ended = await queryState(
    bench.stack,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${condition}`,
  );
  return ended.length > 0;
}

async function eventually(check: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 30_000; !(await check()); await sleep(50))
    if (Date.now() > deadline) throw new Error('Not in time');
}

/** Waits until an activity of the sync has failed `attempts` times. */
async function failing(sync: string, attempts: number): Promise<void> {
  await eventually(async () => (await pending(sync)).some(({ attempt }) => attempt >= attempts));
}

/** Returns the process that runs an activity of the sync. */
async function busyWorker(sync: string): Promise<number> {
  const [first] = (await pending(sync)).filter(({ worker }) => worker !== '');
  return Number(first?.worker.split('@')[0]);
}

function pending(sync: string): Promise<{ attempt: number; worker: string }[]> {
  return withTemporal(bench.stack, async ({ workflow }) => {
    const { raw } = await workflow.getHandle(syncWorkflowId(sync)).describe();
    return (raw.pendingActivities ?? []).map(({ attempt, lastWorkerIdentity }) => ({
      attempt: attempt ?? 0,
      worker: lastWorkerIdentity ?? '',
    }));
  });
}

/** Returns the types of the failures of the sync's activities; `undefined` for a time-out. */
function lastFailures(sync: string): Promise<(string | null | undefined)[]> {
  return withTemporal(bench.stack, async ({ workflow }) => {
    const { events } = await workflow.getHandle(syncWorkflowId(sync)).fetchHistory();
    return (events ?? []).flatMap((event) => {
      const failure = event.activityTaskStartedEventAttributes?.lastFailure;
      return failure ? [failure.applicationFailureInfo?.type] : [];
    });
  });
}
