import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { workerTtlMs } from '../../src/engine/quota/permits.ts';
import type { Bucket, LimitInfo } from '../../src/model/quota.ts';
import type { Quotas } from '../../src/store/quotas.ts';
import { StrictLimits, type StrictLimitOptions } from '../../test/support/strict-limits.ts';
import { Pacer, type Caller, type Turn } from './pacer.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function caller(): Caller {
  return { begins: () => undefined, waits: vi.fn<Caller['waits']>(), went: () => undefined };
}

/** The one row that all workers share, without a database; its clock is not that of the workers. */
function sharedRow(): Pick<Quotas, 'change'> {
  let state: unknown = null;
  return {
    async change<S, R>(
      _: string,
      decide: (before: S | null, now: number) => { state: S; result: R },
    ) {
      const from = performance.now();
      await sleep(1);
      const at = Date.now() + 12_345;
      const decided = decide(state as S | null, at);
      state = structuredClone(decided.state);
      const to = performance.now();
      return { result: decided.result, clock: { at: at - (to - from) / 2, from, to } };
    },
  };
}

/** A strict server, and workers with lanes that keep it busy. */
function press(
  strict: StrictLimitOptions,
  quota: Bucket,
  { workers = 4, lanes = 16, latencyMs = 5, connectMs = 0 } = {},
) {
  const server = new StrictLimits(strict);
  const row = sharedRow();
  let most = 0;
  let underWay = 0;
  let connections = 0;
  const one = async (turn: Turn): Promise<void> => {
    if (!(await turn.due())) return turn.done();
    if (underWay === connections) {
      connections += 1;
      await sleep(connectMs);
    }
    turn.sent();
    most = Math.max(most, (underWay += 1));
    const { status, headers, done } = server.take();
    await sleep(latencyMs);
    done();
    underWay -= 1;
    await turn.answered(infoOf(status !== undefined, headers));
    turn.done();
  };
  const lane = async (pacer: Pacer): Promise<void> => {
    for (const who = caller(); ;) await one(await pacer.turn(who));
  };
  for (let worker = 0; worker < workers; worker += 1) {
    const pacer = new Pacer(row, 'api', quota);
    for (let n = 0; n < lanes; n += 1) void lane(pacer);
  }
  const during = (from: number, to: number) => {
    const first = server.arrivals[0]?.at ?? 0;
    const all = server.arrivals.filter(({ at }) => at >= first + from && at < first + to);
    const limited = all.filter((call) => call.limited).length;
    return { perSecond: ((all.length - limited) * 1000) / (to - from), limited };
  };
  return { server, during, most: () => most };
}

function infoOf(limited: boolean, headers: Readonly<Record<string, string>>): LimitInfo {
  const number = (name: string) =>
    headers[name] === undefined ? undefined : Number(headers[name]);
  const remaining = number('ratelimit-remaining');
  const reset = number('ratelimit-reset');
  const wait = number('retry-after');
  return {
    ...(limited && { limited }),
    ...(limited && wait !== undefined && { retryAfterMs: wait * 1000 }),
    ...(remaining !== undefined && { remaining }),
    ...(reset !== undefined && { resetMs: reset * 1000 }),
  };
}

it.each([
  [20, 4],
  [200, 1],
  [1000, 4],
])('%i calls a second by %i workers: none too many, 95 in 100 used', async (requests, workers) => {
  const quota = { requests, perMs: 1000 };
  const { during } = press({ quota }, quota, { workers });
  await vi.advanceTimersByTimeAsync(6_000);
  expect(during(0, 5_500).limited).toBe(0);
  expect(during(500, 5_500).perSecond).toBeGreaterThan(0.95 * requests);
});

it.each([
  [10, 150],
  [100, 60],
  [100, 300],
])(
  '%i calls a second where connections take %i ms to make: none too many',
  async (requests, connectMs) => {
    const quota = { requests, perMs: 1000 };
    const { during } = press({ quota }, quota, { workers: 2, latencyMs: 100, connectMs });
    await vi.advanceTimersByTimeAsync(8_000);
    expect(during(0, 8_000).limited).toBe(0);
    expect(during(2_000, 8_000).perSecond).toBeGreaterThan(0.93 * requests);
  },
);

it('never has more calls under way over all workers than are declared', async () => {
  const { during, most } = press({ concurrency: 6 }, { concurrency: 6 }, { latencyMs: 20 });
  await vi.advanceTimersByTimeAsync(5_000);
  expect(most()).toBe(6);
  expect(during(0, 5_000).limited).toBe(0);
  expect(during(500, 5_000).perSecond).toBeGreaterThan(270);
});

it('stops all workers at once for a pause, and starts them again without a herd', async () => {
  const quota = { requests: 200, perMs: 1000 };
  const { server, during } = press({ quota }, quota);
  await vi.advanceTimersByTimeAsync(2_000);
  server.pause(5_000, 503);
  // Calls of this very millisecond came before.
  const paused = Date.now() + 1;
  await vi.advanceTimersByTimeAsync(8_000);
  const first = server.arrivals[0]?.at ?? 0;
  // What was leased before the news came round: a tenth of a second of it.
  expect(during(paused - first, paused - first + 5_000)).toMatchObject({ perSecond: 0 });
  expect(during(paused - first, paused - first + 5_000).limited).toBeLessThan(30);
  expect(during(paused - first + 300, paused - first + 5_000).limited).toBe(0);
  const back = server.arrivals.filter(({ at, limited }) => at > paused && !limited);
  const start = back[0]?.at ?? 0;
  expect(start - paused).toBeLessThan(5_500);
  expect(back.filter(({ at }) => at < start + 100).length).toBeLessThanOrEqual(20);
  expect(during(paused - first, paused - first + 8_000).limited).toBeLessThan(30);
});

it('finds the rate where none is declared, all workers together', async () => {
  const { during } = press({ quota: { requests: 50, perMs: 1000 } }, {}, { latencyMs: 20 });
  await vi.advanceTimersByTimeAsync(40_000);
  expect(during(10_000, 40_000).perSecond).toBeGreaterThan(20);
  expect(during(10_000, 40_000).limited).toBeLessThan(15);
});

it.each([
  [10, 4],
  [50, 1],
  [200, 4],
])(
  'finds %i calls a second by %i workers from refusals alone, by few',
  async (requests, workers) => {
    const api = { quota: { requests, perMs: 1000 }, headers: 'none' } as const;
    const { during } = press(api, {}, { latencyMs: 20, workers });
    await vi.advanceTimersByTimeAsync(40_000);
    expect(during(0, 40_000).limited).toBeLessThan(25);
    expect(during(10_000, 40_000).perSecond).toBeGreaterThan(0.6 * requests);
  },
);

it('spaces the calls by what the answers say is left', async () => {
  const { during } = press({ quota: { requests: 50, perMs: 1000 } }, {}, { workers: 1, lanes: 4 });
  await vi.advanceTimersByTimeAsync(10_000);
  expect(during(0, 10_000).limited).toBe(0);
  expect(during(2_000, 10_000).perSecond).toBeGreaterThan(20);
});

it('gives the permits of a worker that is gone to the others within seconds', async () => {
  const row = sharedRow();
  const quota = { concurrency: 4 };
  let working = true;
  const mortal: Pick<Quotas, 'change'> = {
    change: (...args) => (working ? row.change(...args) : new Promise(() => undefined)),
  };
  const dead = new Pacer(mortal, 'api', quota);
  const taken = Array.from({ length: 4 }, () => dead.turn(caller()));
  await vi.advanceTimersByTimeAsync(500);
  await Promise.all(taken);
  working = false;
  const alive = new Pacer(row, 'api', quota);
  let got = 0;
  for (let n = 0; n < 4; n += 1) void alive.turn(caller()).then(() => (got += 1));
  await vi.advanceTimersByTimeAsync(1_000);
  expect(got).toBe(0);
  await vi.advanceTimersByTimeAsync(workerTtlMs + 1_000);
  expect(got).toBe(4);
});

it('serves callers by turns', async () => {
  const pacer = new Pacer(sharedRow(), 'api', { requests: 10, perMs: 1000 });
  const order: string[] = [];
  const add = async (name: string, who: Caller): Promise<void> => {
    const turn = await pacer.turn(who);
    order.push(name);
    await turn.due();
    turn.done();
  };
  const [many, few] = [caller(), caller()];
  for (let n = 0; n < 20; n += 1) void add(`many${n}`, many);
  void add('few0', few);
  void add('few1', few);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(order.slice(0, 5)).toEqual(['many0', 'few0', 'many1', 'few1', 'many2']);
  expect(order).toHaveLength(22);
});

it('leaves the turn of a call that was called off to the next', async () => {
  const pacer = new Pacer(sharedRow(), 'api', { requests: 1, perMs: 1000 });
  const begun = performance.now();
  const goes = async (): Promise<number> => {
    const turn = await pacer.turn(caller(), { leadMs: 60 });
    expect(await turn.due()).toBe(true);
    turn.done();
    return performance.now() - begun;
  };
  const first = goes();
  const off = Array.from({ length: 5 }, async () =>
    (await pacer.turn(caller(), { leadMs: 60 })).done(),
  );
  const next = goes();
  await vi.advanceTimersByTimeAsync(9_000);
  await Promise.all([first, ...off]);
  expect(await next).toBeLessThan(1_500);
});

const failureOf = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

it('ends a wait when it is cancelled, and one that is long', async () => {
  const pacer = new Pacer(sharedRow(), 'api', { requests: 1, perMs: 10_000 });
  const who = caller();
  const [first] = await Promise.all([pacer.turn(who), vi.advanceTimersByTimeAsync(100)]);
  const stop = new AbortController();
  const cancelled = failureOf(pacer.turn(who, { signal: stop.signal }));
  await vi.advanceTimersByTimeAsync(2_000);
  expect(who.waits).toHaveBeenCalled();
  stop.abort();
  expect(await cancelled).toMatchObject({ class: 'limited' });
  await Promise.all([
    first.answered({ limited: true, retryAfterMs: 60_000 }),
    vi.advanceTimersByTimeAsync(100),
  ]);
  first.done();
  const long = failureOf(pacer.turn(who));
  await vi.advanceTimersByTimeAsync(3_000);
  expect(await long).toMatchObject({ class: 'limited' });
});

it('goes on by itself after the state database was away', async () => {
  const row = sharedRow();
  let away = true;
  const flaky: Pick<Quotas, 'change'> = {
    change: (...args) => (away ? Promise.reject(new Error('away')) : row.change(...args)),
  };
  const pacer = new Pacer(flaky, 'api', { requests: 10, perMs: 1000 });
  const turn = pacer.turn(caller());
  await vi.advanceTimersByTimeAsync(3_000);
  away = false;
  await vi.advanceTimersByTimeAsync(1_000);
  await expect(turn).resolves.toBeDefined();
});
