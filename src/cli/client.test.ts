import { serve } from '@hono/node-server';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { exampleRun, exampleSync } from '../api/testing/memory-services.ts';
import { testApp } from '../api/testing/test-app.ts';
import { syncSchema } from '../model/sync.ts';
import { createClient, type Client } from './client.ts';

const { app, stored } = testApp({ token: 'secret' });
let client: Client;
let url: string;
let server: ReturnType<typeof serve>;

beforeAll(async () => {
  url = await new Promise<string>((resolve) => {
    server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) => {
      resolve(`http://127.0.0.1:${port}`);
    });
  });
  client = createClient(url, 'secret');
});

afterAll(() => server.close());

it('declares and removes', async () => {
  const spec = syncSchema.parse(exampleSync);
  expect(await client.syncs.put('orders', spec)).toBe('created');
  expect(await client.syncs.put('orders', spec)).toBe('replaced');
  expect((await client.syncs.list()).map(({ id }) => id)).toContain('orders');
  await client.syncs.remove('orders');
  await expect(client.syncs.get('orders')).rejects.toMatchObject({ status: 404 });
  expect(await client.connections.put('crm', { type: 'file' })).toBe('created');
  expect(await client.connections.check('crm')).toMatchObject({ ok: false, code: 'credentials' });
  await expect(client.connections.put('-', { type: 'file' })).rejects.toThrow('id: must be');
});

it('starts a run and follows it to its end', async () => {
  const run = await client.runs.start('customers', { full: true });
  await expect(client.runs.start('customers')).rejects.toMatchObject({
    status: 409,
    code: 'run_open',
    run: run.id,
  });
  const seen: string[] = [];
  for await (const { status } of client.runs.follow(run.id)) {
    seen.push(status);
    stored.runs.set(
      run.id,
      exampleRun({ id: run.id, status: 'completed', finishedAt: new Date() }),
    );
  }
  expect(seen).toEqual(['pending', 'completed']);
  expect((await client.runs.list({ limit: 1 })).runs).toHaveLength(1);
  expect((await client.runs.errors(run.id)).errors).toEqual([]);
});

it('names what went wrong', async () => {
  await expect(createClient(url).runs.list()).rejects.toMatchObject({ status: 401 });
  await expect(createClient('http://127.0.0.1:1').runs.list()).rejects.toMatchObject({
    status: 0,
    code: 'unreachable',
  });
});

it('an empty body that is called JSON is no body', async () => {
  const response = await fetch(`${url}/v1/syncs/none/runs`, {
    method: 'POST',
    headers: { Authorization: 'Bearer secret', 'Content-Type': 'application/json' },
  });
  expect(response.status).toBe(404);
});
