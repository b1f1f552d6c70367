import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBench, putSync, finished, runSync, type Bench } from '../support/bench.ts';
import { planFaults, type Faults } from '../support/faults.ts';
import { startJobSystemProcess, type RemoteJobSystem } from '../support/job-system-process.ts';

const root = dirname(fileURLToPath(new URL('../support/job-connector-module.ts', import.meta.url)));
let bench: Bench;
let faults: Faults;
let system: RemoteJobSystem;

beforeAll(async () => {
  faults = planFaults();
  [bench, system] = await Promise.all([
    openBench({ workers: 2, env: { ...faults.env, SLUICE_CONNECTOR_ROOT: root } }),
    startJobSystemProcess(1_500),
  ]);
  await bench.stack.client.connections.put('bulk', {
    type: './job-connector-module.ts',
    url: system.url,
    token: system.token,
  });
}, 60_000);
afterAll(async () => {
  await bench?.close();
  await system?.close();
  faults?.close();
});

/** Declares a sync of `count` rows of a table to a stream of the job system. */
async function declare(name: string, count: number): Promise<void> {
  await bench.shop.query(
    `CREATE TABLE ${name} AS SELECT 'c' || n AS code, 'name ' || n AS name, '1' AS note
       FROM generate_series(1, ${count}) n; ALTER TABLE ${name} ADD PRIMARY KEY (code)`,
  );
  await putSync(bench.stack, name, {
    source: { connection: 'shop', stream: `public.${name}`, key: 'code' },
    destination: { connection: 'bulk', stream: 'contacts', key: 'code' },
    mode: 'upsert',
  });
}

async function created(): Promise<number> {
  return (await system.stats()).created;
}

test('records are written as a job, which is waited for outside of the worker; a second run finds nothing to do', async () => {
  await declare('plain', 300);
  const before = await created();
  const first = await runSync(bench.stack, 'plain');
  expect(first).toMatchObject({ status: 'completed', outcome: 'ok', stats: { created: 300 } });
  expect((await created()) - before).toBe(300);
  const second = await runSync(bench.stack, 'plain');
  expect(second.stats).toMatchObject({ imported: 300, unchanged: 300, created: 0 });
}, 60_000);

test.each(['job.before-submit', 'job.after-submit', 'job.after-results'] as const)(
  'a worker that is killed at %s loses no job, and none is submitted twice (R5, R6)',
  async (point) => {
    const name = point.replaceAll(/\W/g, '_');
    await declare(name, 50);
    await bench.shop.query(`UPDATE ${name} SET code = '${name}' || code`);
    const before = await created();
    faults.plan({ point, action: 'kill', sync: name });
    const { id } = await bench.stack.client.runs.start(name);
    await faults.strike();
    const run = await finished(bench.stack.client, id);
    expect(run).toMatchObject({ status: 'completed', outcome: 'ok', stats: { created: 50 } });
    expect((await created()) - before).toBe(50);
  },
  90_000,
);
