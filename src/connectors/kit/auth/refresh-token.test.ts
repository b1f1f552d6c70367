import { afterEach, expect, it } from 'vitest';
import { unlimited, unlimitedUntil } from '../../contract/calls.ts';
import type { Memory } from '../../contract/memory.ts';
import { callsBy, wireOf } from '../../testing/direct.ts';
import { HttpClient } from '../http/client.ts';
import { sharedMemory } from '../testing/memory.ts';
import {
  client,
  firstRefresh,
  startTokenServer,
  type TokenServer,
} from '../testing/token-server.ts';

const open: TokenServer[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

async function start(options: Parameters<typeof startTokenServer>[0] = { rotates: true }) {
  const server = await startTokenServer(options);
  open.push(server);
  return server;
}

const call = { method: 'GET', path: '/list', label: '/list' };

/** A worker's client. */
function worker(url: string, memory?: Memory, timeoutMs = 2000, refreshToken = firstRefresh) {
  const auth = { type: 'oauth2', grant: 'refresh_token', tokenUrl: `${url}/token` } as const;
  return new HttpClient({
    connection: 'hub',
    url,
    timeoutMs,
    auth: { ...auth, ...client, refreshToken },
    memory,
  });
}

function spent(server: TokenServer) {
  return server.asked().map((form) => form.get('refresh_token'));
}

it('sends the newest refresh token, and each of them once', async () => {
  const server = await start();
  const { memory, values } = sharedMemory();
  const one = worker(server.url, memory);
  await one.request(call, unlimited);
  server.expire();
  await one.request(call, unlimited);
  server.expire();
  // Another worker, which begins with the settings alone.
  await worker(server.url, memory).request(call, unlimited);
  expect(spent(server)).toEqual([firstRefresh, 'refresh-token-number-1', 'refresh-token-number-2']);
  expect(values()).toEqual([expect.stringContaining('refresh-token-number-3')]);
});

it('of many workers that want a token at once one asks, and the others read what it got', async () => {
  const server = await start();
  const { memory } = sharedMemory();
  const workers = Array.from({ length: 5 }, () => worker(server.url, memory));
  const all = () => Promise.all(workers.map((each) => each.request(call, unlimited)));
  const answers = await all();
  server.expire();
  answers.push(...(await all()));
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200));
  expect(spent(server)).toEqual([firstRefresh, 'refresh-token-number-1']);
});

it('a worker that died while it asked is followed by another, which tries the same token', async () => {
  const server = await start();
  const { memory, values } = sharedMemory();
  await worker(server.url, memory).request(call, unlimited);
  const [before = ''] = values();
  const name = await nameIn(memory, server.url);
  const claimed = JSON.stringify({ ...(JSON.parse(before) as object), claim: 'of the dead' });
  await memory.swap(name, claimed, await memory.get(name));
  server.expire();
  const other = worker(server.url, memory, 100);
  const answer = await other.request(call, unlimited);
  expect(answer.status).toBe(200);
  expect(spent(server)).toEqual([firstRefresh, 'refresh-token-number-1']);
  expect(values().join('')).not.toContain('of the dead');
});

it('keeps what it got even where it was so slow that another worker took over', async () => {
  const server = await start();
  const { memory, values } = sharedMemory();
  let takeovers = 1;
  const slow = worker(server.url, {
    ...memory,
    async swap(name, value, before) {
      const isAnswer = value?.includes('access-token') === true;
      if (isAnswer && takeovers-- > 0) {
        const chain = JSON.parse(before?.value ?? '') as object;
        await memory.swap(name, JSON.stringify({ ...chain, claim: 'of another' }), before);
      }
      return memory.swap(name, value, before);
    },
  });
  expect((await slow.request(call, unlimited)).status).toBe(200);
  expect(values()).toEqual([expect.stringContaining('refresh-token-number-1')]);
  expect(values().join('')).not.toContain('of another');
});

it('keeps what it got once the memory answers again', async () => {
  const server = await start();
  const { memory, values } = sharedMemory();
  let outages = 2;
  const one = worker(server.url, {
    ...memory,
    async swap(name, value, before) {
      if (value?.includes('access-token') === true && outages-- > 0)
        throw new Error('the state database is away');
      return memory.swap(name, value, before);
    },
  });
  expect((await one.request(call, unlimited)).status).toBe(200);
  expect(values()).toEqual([expect.stringContaining('refresh-token-number-1')]);
  expect(spent(server)).toEqual([firstRefresh]);
});

it('goes on after an answer that was lost where the vendor keeps the refresh token', async () => {
  const server = await start({ rotates: false });
  const { memory } = sharedMemory();
  const one = worker(server.url, memory);
  server.faults.push('lost', { status: 503 });
  for (const _ of [1, 2])
    await expect(one.request(call, unlimited)).rejects.toMatchObject({
      class: 'transient',
      code: 'unreachable',
    });
  expect((await one.request(call, unlimited)).status).toBe(200);
  expect(spent(server)).toEqual([firstRefresh, firstRefresh, firstRefresh]);
});

it('says that access must be allowed again where the refresh token ended, and takes the new one', async () => {
  const server = await start();
  const { memory } = sharedMemory();
  const one = worker(server.url, memory);
  server.faults.push('lost');
  await expect(one.request(call, unlimited)).rejects.toMatchObject({ code: 'unreachable' });
  const failure: unknown = await one.request(call, unlimited).catch((error: unknown) => error);
  expect(failure).toMatchObject({ class: 'config', code: 'credentials', connection: 'hub' });
  expect(String(failure)).toContain('invalid_grant');
  expect(JSON.stringify(failure) + String(failure)).not.toMatch(/refresh-token|a-secret/);
  const allowed = worker(server.url, memory, 2000, 'refresh-token-number-1');
  expect((await allowed.request(call, unlimited)).status).toBe(200);
});

it('sends no refresh token where nothing can be kept', async () => {
  const server = await start();
  await expect(worker(server.url).request(call, unlimited)).rejects.toMatchObject({
    code: 'needs_server',
  });
  expect(server.asked()).toEqual([]);
});

it('waits where the token address limits it, and claims again (R9)', async () => {
  const server = await start();
  const { memory, values } = sharedMemory();
  const one = worker(server.url, memory);
  server.faults.push({ status: 429, headers: { 'retry-after': '7' } });
  await expect(one.request(call, unlimited)).rejects.toMatchObject({
    class: 'limited',
    retryAfterMs: 7000,
  });
  expect(values()).toEqual([expect.not.stringContaining('claim')]);
  server.faults.push({ status: 429 });
  // The runtime makes a limited call again.
  const patient = callsBy(async (send, signal) => {
    for (;;) {
      const { value, limits } = await send(wireOf(signal));
      if (limits?.limited !== true) return value;
    }
  });
  expect((await one.request(call, patient)).status).toBe(200);
  expect(spent(server)).toEqual([firstRefresh, firstRefresh, firstRefresh]);
});

it('keeps the token of a call that nobody waits for any more', async () => {
  const server = await start();
  const { memory, values } = sharedMemory();
  const unwanted = new AbortController();
  server.before = async () => unwanted.abort(new Error('called off'));
  const one = worker(server.url, memory);
  const calledOff = one.request(call, unlimitedUntil(unwanted.signal));
  const waiting = one.request(call, unlimited);
  await expect(calledOff).rejects.toThrow('called off');
  expect((await waiting).status).toBe(200);
  expect(values()).toEqual([expect.stringContaining('refresh-token-number-1')]);
  expect(spent(server)).toEqual([firstRefresh]);
});

/** The name under which the memory keeps the chain of the first refresh token. */
async function nameIn(memory: Memory, url: string): Promise<string> {
  const names: string[] = [];
  const spy: Memory = {
    ...memory,
    get(name) {
      names.push(name);
      return Promise.reject(new Error('asked'));
    },
  };
  await worker(url, spy)
    .request(call, unlimited)
    .catch(() => undefined);
  return names[0] ?? '';
}
