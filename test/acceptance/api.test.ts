import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunView } from '../../src/api/views/run-view.ts';
import {
  expectStats,
  finished,
  openBench,
  putSync,
  runSync,
  tableSync,
  until,
  type Bench,
  type PartialSync,
} from '../support/bench.ts';

let bench: Bench;

beforeAll(async () => {
  bench = await openBench();
  await bench.shop.query(`CREATE TABLE things (id int PRIMARY KEY, label text);
    INSERT INTO things SELECT n, 'l' || n FROM generate_series(1, 40000) n`);
  // A run into this table takes a moment.
  await bench.crm.query(`CREATE TABLE things (id int PRIMARY KEY, label text);
    CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(1); RETURN NULL; END $$;
    CREATE TRIGGER slow BEFORE INSERT ON things FOR EACH STATEMENT EXECUTE FUNCTION slow()`);
});
afterAll(() => bench.close());

test('health, readiness and the description of the API', async () => {
  expect((await call('GET', '/healthz')).status).toBe(200);
  expect((await call('GET', '/readyz')).status).toBe(200);
  const { status, body } = await call('GET', '/openapi.json');
  expect(status).toBe(200);
  expect(Object.keys(body['paths'] as object)).toEqual(
    expect.arrayContaining(['/v1/syncs/{id}/runs', '/v1/runs/{id}', '/v1/runs/{id}/events']),
  );
});

test('what does not exist is 404; what does not fit is 422 and says where', async () => {
  for (const path of [
    '/v1/syncs/none',
    '/v1/connections/none',
    '/v1/runs/none',
    '/v1/runs/none/errors',
  ])
    expect(await call('GET', path)).toMatchObject({ status: 404, body: { code: 'not_found' } });
  expect((await call('POST', '/v1/syncs/none/runs', {})).status).toBe(404);
  expect((await call('POST', '/v1/runs/none/pause')).status).toBe(404);
  const { status, type, body } = await call('PUT', '/v1/syncs/bad', {
    ...tableSync('things'),
    mode: 'upsrt',
  });
  expect(status).toBe(422);
  expect(type).toContain('application/problem+json');
  expect(body['errors']).toEqual([expect.objectContaining({ path: 'mode' })]);
});

test('a second run is refused with the id of the open one; events follow a run until it ends', async () => {
  const { stack } = bench;
  await putSync(stack, 'things', tableSync('things'));
  const started = await call('POST', '/v1/syncs/things/runs', {});
  const id = String(started.body['id']);
  expect(started).toMatchObject({ status: 202, location: `/v1/runs/${id}` });
  expect(await call('POST', '/v1/syncs/things/runs', {})).toMatchObject({
    status: 409,
    body: { code: 'run_open', run: id },
  });
  const text = await (await fetch(`${stack.url}/v1/runs/${id}/events`)).text();
  const events = [...text.matchAll(/event: (\w+)\ndata: (.*)\n/g)].map(([, event, data]) => ({
    event,
    run: JSON.parse(data ?? '') as RunView,
  }));
  expect(events.at(-1)?.event).toBe('end');
  // While the run is open, records on their way count as imported.
  for (const { run } of events)
    expect(run.stats.exported + run.stats.unchanged).toBeLessThanOrEqual(run.stats.imported);
  const run = await finished(stack.client, id);
  expectStats(run, { imported: 40_000, created: 40_000 });
  expect(events.at(-1)?.run).toEqual(run);
  expect((await stack.client.runs.list({ sync: 'things' })).runs).toEqual([run]);
});

test('a run pauses, stays so, goes on and is exact', async () => {
  const { stack, crm } = bench;
  await crm.query('TRUNCATE things');
  await putSync(stack, 'paused', tableSync('things'));
  const { id } = await stack.client.runs.start('paused');
  await until(stack.client, id, ({ status }) => status === 'running');
  await stack.client.runs.act(id, 'pause');
  await until(stack.client, id, ({ status }) => status === 'paused');
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect((await stack.client.runs.get(id)).status).toBe('paused');
  await stack.client.runs.act(id, 'resume');
  expectStats(await finished(stack.client, id), { imported: 40_000, created: 40_000 });
});

test('connections never show their secrets', async () => {
  const { stack, shop } = bench;
  const { password } = new URL(shop.url);
  for (const path of ['/v1/connections', '/v1/connections/shop'])
    expect(JSON.stringify((await call('GET', path)).body)).not.toContain(password);
  expect(await stack.client.connections.check('shop')).toEqual({ ok: true });
  const streams = await stack.client.connections.streams('shop');
  expect(streams.find(({ name }) => name === 'public.things')?.primaryKey).toEqual(['id']);
});

test('wrong credentials fail at once, with the connection and without the secret (R1)', async () => {
  const { stack, shop } = bench;
  const url = new URL(shop.url);
  url.password = 'hunter2-secret';
  await stack.client.connections.put('locked', { type: 'postgres', url: url.href });
  const check = await stack.client.connections.check('locked');
  expect(check.ok).toBe(false);
  await putSync(stack, 'locked', tableSync('things', { source: { connection: 'locked' } }));
  const began = Date.now();
  const run = await runSync(stack, 'locked');
  expect(Date.now() - began).toBeLessThan(10_000);
  expect(run).toMatchObject({ status: 'failed', failure: { connection: 'locked' } });
  expect(JSON.stringify([check, run, stack.output()])).not.toContain('hunter2');
});

test.each<[string, string, string, PartialSync]>([
  ['source stream', 'unknown_stream', 'things', { source: { stream: 'public.thingz' } }],
  ['destination stream', 'unknown_stream', 'things', { destination: { stream: 'public.thngs' } }],
  ['source field', 'unknown_field', 'label', { fields: { label: 'lable' } }],
  ['destination field', 'unknown_field', 'label', { fields: { lable: 'label' } }],
  ['key', 'unknown_field', 'id', { source: { key: 'idd' } }],
])('an unknown %s fails the run and names the nearest', async (what, code, nearest, more) => {
  const { stack } = bench;
  const id = what.replace(' ', '-');
  await putSync(stack, id, tableSync('things', more));
  const run = await runSync(stack, id);
  expect(run).toMatchObject({ status: 'failed', failure: { code } });
  expect(run.failure?.message).toContain(nearest);
});

async function call(method: string, path: string, body?: unknown) {
  const response = await fetch(bench.stack.url + path, {
    method,
    ...(body !== undefined && {
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    }),
  });
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    location: response.headers.get('location'),
    body: (await response.json()) as Record<string, unknown>,
  };
}
