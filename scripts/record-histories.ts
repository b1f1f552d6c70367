// Records histories of real runs for the replay test: npx tsx scripts/record-histories.ts
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  openBench,
  finished,
  putSync,
  runSync,
  tableSync,
  until,
  type Bench,
} from '../test/support/bench.ts';
import { setup } from '../test/support/global-setup.ts';
import { recordHistory } from '../test/support/temporal-history.ts';

const folder = new URL('../test/replay/histories/', import.meta.url);

const teardown = await setup();
const bench = await openBench();
try {
  await completed(bench);
  await failed(bench);
  await pausedAndResumed(bench);
  await approvedAndCancelled(bench);
  await scheduled(bench);
} finally {
  await bench.close();
  await teardown();
}

async function completed({ stack, shop, crm }: Bench): Promise<void> {
  await shop.query(`CREATE TABLE t (id int PRIMARY KEY, v text);
    INSERT INTO t SELECT n, md5(n::text) FROM generate_series(1, 60000) n`);
  await crm.query('CREATE TABLE t (id int PRIMARY KEY, v text)');
  await putSync(stack, 'completed', tableSync('t'));
  await runSync(stack, 'completed');
  await save('completed', await recordHistory(stack, 'sync/completed'));
}

async function failed({ stack }: Bench): Promise<void> {
  await putSync(stack, 'failed', tableSync('t', { source: { stream: 'public.none' } }));
  await runSync(stack, 'failed');
  await save('failed', await recordHistory(stack, 'sync/failed'));
}

async function pausedAndResumed({ stack, crm }: Bench): Promise<void> {
  await crm.query(`CREATE TABLE p (id int PRIMARY KEY, v text);
    CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.5); RETURN NULL; END $$;
    CREATE TRIGGER slow BEFORE INSERT ON p FOR EACH STATEMENT EXECUTE FUNCTION slow()`);
  await putSync(stack, 'paused', tableSync('t', { destination: { stream: 'public.p' } }));
  const { client } = stack;
  const { id } = await client.runs.start('paused');
  await until(client, id, ({ status }) => status === 'running');
  await sleep(500);
  await client.runs.act(id, 'pause');
  await until(client, id, ({ status }) => status === 'paused');
  await client.runs.act(id, 'resume');
  await finished(client, id);
  await save('paused-resumed', await recordHistory(stack, 'sync/paused'));
}

async function approvedAndCancelled({ stack, shop, crm }: Bench): Promise<void> {
  await crm.query('CREATE TABLE m (id int PRIMARY KEY, v text); INSERT INTO m VALUES (1)');
  await shop.query('CREATE TABLE m (id int PRIMARY KEY, v text)');
  await putSync(stack, 'mirror', tableSync('m', { mode: 'mirror' }));
  for (const action of ['cancel', 'approve'] as const) {
    const { id } = await stack.client.runs.start('mirror');
    await until(stack.client, id, ({ removal }) => removal !== null);
    await stack.client.runs.act(id, action);
    await finished(stack.client, id);
    await save(`mirror-${action}`, await recordHistory(stack, 'sync/mirror'));
  }
}

async function scheduled({ stack }: Bench): Promise<void> {
  await putSync(stack, 'due', tableSync('t', { schedule: { every: '2s' } }));
  for (let tries = 0; tries < 100; tries++) {
    const { runs } = await stack.client.runs.list({ sync: 'due', status: 'completed' });
    if (runs.length > 0) break;
    await sleep(200);
  }
  await putSync(stack, 'due', tableSync('t'));
  await save('scheduled', await recordHistory(stack, 'scheduledSync'));
}

async function save(name: string, history: Uint8Array): Promise<void> {
  // Encoded, as the SDK's own JSON form of a history depends on how npm has laid out its packages.
  const file = { name, history: Buffer.from(history).toString('base64') };
  writeFileSync(new URL(`${name}.json`, folder), `${JSON.stringify(file)}\n`);
}
