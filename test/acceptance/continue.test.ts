import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunView } from '../../src/api/views/run-view.ts';
import { ApiError } from '../../src/cli/api-error.ts';
import {
  expectStats,
  finished,
  openBench,
  putSync,
  runSync,
  tableSync,
  until,
  type Bench,
  type SyncInput,
} from '../support/bench.ts';
import { auditTable, expectTidy } from '../support/oracle.ts';
import { startStrictApi, type StrictApi } from '../support/strict-api.ts';

const options = { token: 'good', latencyMs: 20 };
let bench: Bench;
let api: StrictApi;

beforeAll(async () => {
  [bench, api] = await Promise.all([openBench(), startStrictApi(options)]);
});
afterAll(async () => {
  await bench.close();
  await api.close();
});

test('an API sync goes on where its credentials failed it; its watermark is right afterwards (R3)', async () => {
  const { stack, shop } = bench;
  const { client } = stack;
  // A chunk holds 8 MB, which is some 400 of these rows.
  await shop.query(`CREATE TABLE people (email text PRIMARY KEY, name text, seq int);
    INSERT INTO people SELECT 'u' || n || '@x.org', repeat('U', 20000), n FROM generate_series(1, 1200) n`);
  await client.connections.put('api', apiConnection());
  const sync: SyncInput = {
    source: { connection: 'shop', stream: 'public.people', key: 'email', watermark: 'seq' },
    destination: { connection: 'api', stream: 'contacts', key: 'email' },
    mode: 'upsert',
    fields: { full_name: 'name' },
  };
  await putSync(stack, 'people', sync);
  const { id } = await client.runs.start('people');
  await until(client, id, ({ stats }) => stats.created > 0);
  options.token = 'revoked';
  const failed = await finished(client, id);
  expect(failed).toMatchObject({ status: 'failed', failure: { connection: 'api' } });
  expect(failed.stats.created).toBe(api.log.length);

  options.token = 'good';
  await putSync(stack, 'people', { ...sync, where: 'seq > 0' });
  expect(await refused('people', id)).toBe('sync_changed');
  await putSync(stack, 'people', sync);
  // This row changes after the first run began, so the run after the continuing one must read it.
  await shop.query(`INSERT INTO people VALUES ('late@x.org', 'Late', 3000)`);
  const run = await continued('people', id);
  expect(run).toMatchObject({ status: 'completed', continues: id });
  expect(run.stats.imported).toBeLessThan(1200);
  expect(run.stats.created).toBe(1200 - failed.stats.created);
  expect(api.log).toHaveLength(1200);
  expect(new Set(api.log.map(({ key }) => key)).size).toBe(1200);
  // The next run begins with the records that have the watermark itself.
  expectStats(await runSync(stack, 'people'), { imported: 2, created: 1, unchanged: 1 });

  expect(await refused('people', id)).toBe('superseded');
  expect(await refused('people', run.id)).toBe('run_completed');
  expect(await refused('people', 'none')).toBe('not_found');
});

test('a mirror goes on, and removes what the source lacks, no more (R7)', async () => {
  const { stack, shop, crm } = bench;
  const { client } = stack;
  const rows = 110_000;
  await shop.query(`CREATE TABLE goods (id int PRIMARY KEY, seq int);
    INSERT INTO goods SELECT n, n FROM generate_series(1, ${rows}) n`);
  await crm.query(`CREATE TABLE goods (id int PRIMARY KEY, seq int);
    INSERT INTO goods SELECT -n, n FROM generate_series(1, 50) n;
    CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(1); RETURN NULL; END $$;
    CREATE TRIGGER wait AFTER INSERT ON goods FOR EACH STATEMENT EXECUTE FUNCTION wait();
    DROP ROLE IF EXISTS goods_writer; CREATE ROLE goods_writer LOGIN SUPERUSER PASSWORD 'w'`);
  const audit = await auditTable(crm, 'goods');
  const url = new URL(crm.url);
  [url.username, url.password] = ['goods_writer', 'w'];
  await client.connections.put('goods', { type: 'postgres', url: url.href });
  await putSync(
    stack,
    'goods',
    tableSync('goods', {
      destination: { connection: 'goods' },
      mode: 'mirror',
      removal: { guard: false },
    }),
  );
  const { id } = await client.runs.start('goods');
  await until(client, id, ({ stats }) => stats.created > 0);
  expect(await refused('goods', id)).toBe('run_open');
  await crm.query(`ALTER ROLE goods_writer NOLOGIN;
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'goods_writer'`);
  const failed = await finished(client, id);
  expect(failed).toMatchObject({ status: 'failed', failure: { code: 'credentials' } });

  await crm.query('ALTER ROLE goods_writer LOGIN');
  const run = await continued('goods', id);
  expect(run).toMatchObject({ status: 'completed', stats: { removed: 50 } });
  expect(run.stats.imported).toBeLessThan(rows);
  const first = (await client.runs.get(id)).stats.created;
  expect(first + run.stats.created).toBe(rows);
  expect(await crm.value('SELECT count(*) FROM goods')).toBe(String(rows));
  const changes = await audit.changes();
  expect(changes).toHaveLength(rows + 50);
  for (const one of [id, run.id]) await expectTidy(stack, one, crm);

  await crm.query('DROP OWNED BY goods_writer; DROP ROLE goods_writer').catch(() => undefined);
});

test('a run that never read anything is not continued', async () => {
  await putSync(bench.stack, 'nothing', tableSync('nothing'));
  const failed = await runSync(bench.stack, 'nothing');
  expect(failed).toMatchObject({ status: 'failed', failure: { code: 'unknown_stream' } });
  expect(await refused('nothing', failed.id)).toBe('nothing_to_continue');
});

function apiConnection() {
  const lookup = {
    path: '/contacts/lookup',
    method: 'POST',
    batch: 1000,
    body: { keys: '{keys}' },
    records: 'records',
  };
  return {
    type: 'http',
    url: api.url,
    auth: { type: 'bearer', token: 'good' },
    streams: {
      contacts: {
        key: 'email',
        lookup,
        create: { path: '/contacts' },
        update: { path: '/contacts/{key}' },
      },
    },
  };
}

async function continued(sync: string, run: string): Promise<RunView> {
  const { client } = bench.stack;
  return finished(client, (await client.runs.start(sync, { continueOf: run })).id);
}

/** Returns the code of the problem with which a request to continue the run is answered. */
async function refused(sync: string, run: string): Promise<string> {
  try {
    await bench.stack.client.runs.start(sync, { continueOf: run });
  } catch (error) {
    if (error instanceof ApiError) return error.code;
    throw error;
  }
  throw new Error('It was not refused.');
}
