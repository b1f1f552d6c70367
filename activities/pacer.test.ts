import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { StrictLimits, type StrictLimitOptions } from '../test/support/strict-limits.ts';
import type { Quota } from '../src/model/quota.ts';
import type { Quotas } from '../src/store/quotas.ts';
import { Pacer, type Caller } from './pacer.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const silent: Caller = { begins: () => undefined, waits: () => undefined, went: () => undefined };

/** The one row that all workers share, without a database. */
function sharedRow(): Pick<Quotas, 'change'> {
  let state: unknown = null;
  return {
    async change<S, R>(
      _: string,
      decide: (before: S | null, now: number) => { state: S; result: R },
    ) {
      const from = performance.now();
      await sleep(1);
      const at = Date.now();
      const decided = decide(state as S | null, at);
      state = structuredClone(decided.state);
      return { result: decided.result, clock: { at, from, to: performance.now() } };
    },
  };
}

/** `lanes` callers of each of some workers keep a strict server busy for a while. */
async function press(
  strict: StrictLimitOptions,
  quota: Quota,
  { workers = 4, lanes = 16, latencyMs = 5, ms = 10_000 } = {},
) {
  const server = new StrictLimits(strict);
  const row = sharedRow();
  const end = Date.now() + ms;
  let most = 0;
  let underWay = 0;
  const lane = async (pacer: Pacer): Promise<void> => {
    while (Date.now() < end) {
      const turn = await pacer.turn(silent, false);
      most = Math.max(most, (underWay += 1));
      const { status, headers, done } = server.take();
      await sleep(latencyMs);
      done();
      underWay -= 1;
      const wait = Number(headers['retry-after']);
      await turn.answered(
        status === undefined
          ? {}
          : { limited: true, ...(wait > 0 && { retryAfterMs: wait * 1000 }) },
      );
      turn.done();
    }
  };
  const all = Promise.all(
    Array.from({ length: workers }, () => new Pacer(row, 'api', quota)).flatMap((pacer) =>
      Array.from({ length: lanes }, () => lane(pacer)),
    ),
  );
  await vi.advanceTimersByTimeAsync(ms + 5_000);
  await all;
  const { arrivals } = server;
  const from = (arrivals[0]?.at ?? 0) + 500;
  const within = arrivals.filter(({ at }) => at >= from && at < end);
  const limited = within.filter((one) => one.limited).length;
  return { perSecond: ((within.length - limited) * 1000) / (end - from), limited, most, arrivals };
}

it.each([
  [20, 4],
  [200, 1],
  [1000, 4],
])('%i calls a second by %i workers', async (requests, workers) => {
  const quota = { requests, perMs: 1000 };
  const result = await press({ quota }, quota, { workers });
  console.log(result.perSecond, result.limited);
  expect(result.limited).toBe(0);
  expect(result.perSecond).toBeGreaterThan(0.95 * requests);
});

it('never has more calls under way over all workers than are declared', async () => {
  const result = await press({ concurrency: 6 }, { concurrency: 6 }, { latencyMs: 20 });
  console.log(result.perSecond, result.limited);
  expect(result.most).toBe(6);
  expect(result.limited).toBe(0);
});
