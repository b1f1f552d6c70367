import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectStats, finished, openBench, type Bench } from '../support/bench.ts';
import { measure, measured, startLoad } from '../support/quota-load.ts';
import type { Arrival } from '../support/strict-limits.ts';

describe.each([1, 4])('matrix, %i workers', (workers) => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await openBench({ workers });
  });
  afterAll(() => bench.close());

  test.each([
    [10, 5],
    [10, 50],
    [10, 500],
    [100, 5],
    [100, 50],
    [100, 500],
    [1000, 5],
    [1000, 50],
    [1000, 500],
  ])('%i calls a second, answers after %i ms', async (requests, latencyMs) => {
    const load = await startLoad(bench, {
      api: { quota: { requests, perMs: 1000 }, latencyMs },
      calls: requests === 1000 ? 'lookup' : 'write',
      syncs: 4,
      records: requests === 10 ? 500 : 20_000,
    });
    try {
      const { perSecond, limited } = await measure(load.api, 4_000, 15_000);
      const share = perSecond / requests;
      console.log(
        `${workers} workers, ${requests}/s, ${latencyMs} ms: ${(share * 100).toFixed(1)} % used, ${(limited * 100).toFixed(2)} % refused`,
      );
      expect(share).toBeGreaterThanOrEqual(0.95);
      expect(limited).toBeLessThan(0.01);
    } finally {
      await load.close();
    }
  });
});

describe('trouble, 4 workers', () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await openBench({ workers: 4 });
  });
  afterAll(() => bench.close());

  test('a quota that drops to a tenth and comes back', async () => {
    const full = { requests: 100, perMs: 1000 };
    const load = await startLoad(bench, { api: { quota: full }, syncs: 2, records: 20_000 });
    try {
      const before = await measure(load.api, 3_000, 5_000);
      await load.api.setQuota({ requests: 10, perMs: 1000 });
      const dropped = Date.now();
      await sleep(20_000);
      await load.api.setQuota(full);
      const restored = Date.now();
      await sleep(25_000);
      const arrivals = await load.api.arrivals();
      const during = measured(arrivals, dropped, restored);
      const seconds = Array.from({ length: 24 }, (_, n) =>
        measured(arrivals, restored + n * 1000, restored + n * 1000 + 1000),
      );
      const back = seconds.findIndex(({ perSecond }) => perSecond >= 90);
      const refused = arrivals.filter(({ at, limited }) => limited && at >= dropped);
      console.log(
        `drop to a tenth: ${before.perSecond.toFixed(1)}/s before, ${during.perSecond.toFixed(1)}/s of 10 during, ` +
          `${refused.length} refused (${refused.filter(({ at }) => at < dropped + 5_000).length} in the first 5 s), 90 % again after ${back} s`,
      );
      expect(during.perSecond).toBeGreaterThan(5);
      expect(back).toBeGreaterThanOrEqual(0);
      expect(back).toBeLessThan(20);
      expect(refused.length).toBeLessThan(100);
      for (const run of load.runs) {
        const { status, stats } = await bench.stack.client.runs.get(run);
        expect({ status, errors: stats.errors }).toEqual({ status: 'running', errors: 0 });
      }
    } finally {
      await load.close();
    }
  });

  test.each([
    'seconds',
    'date',
    'none',
    '1000000000000',
    '-5',
    'soon',
    '0',
    'Thu, 01 Jan 1970 00:00:00 GMT',
  ] as const)('Retry-After: %s', async (retryAfter) => {
    const load = await startLoad(bench, {
      api: { quota: { requests: 20, perMs: 1000 }, headers: 'none', retryAfter },
      declared: null,
      syncs: 2,
      records: 150,
    });
    try {
      for (const run of load.runs)
        expectStats(await finished(bench.stack.client, run), { imported: 150, created: 150 });
      expect(refusedOf(`Retry-After ${retryAfter}`, await load.api.arrivals())).toBeLessThan(0.2);
    } finally {
      await load.close();
    }
  });

  test.each(['plain', 'draft', 'older', 'x-delta', 'x-epoch', 'x-epoch-ms'] as const)(
    'headers: %s',
    async (headers) => {
      const load = await startLoad(bench, {
        api: { quota: { requests: 50, perMs: 1000 }, headers },
        declared: null,
        syncs: 2,
        records: 300,
      });
      try {
        for (const run of load.runs)
          expectStats(await finished(bench.stack.client, run), { imported: 300, created: 300 });
        expect(refusedOf(`headers ${headers}`, await load.api.arrivals())).toBeLessThan(0.1);
      } finally {
        await load.close();
      }
    },
  );

  test('the permits of a killed worker come back', async () => {
    const concurrency = 8;
    const load = await startLoad(bench, {
      api: { concurrency, latencyMs: 100 },
      syncs: 4,
      records: 20_000,
    });
    try {
      const before = await measure(load.api, 4_000, 5_000);
      for (const pid of bench.stack.workerPids().slice(0, 2)) process.kill(pid, 'SIGKILL');
      const killed = Date.now();
      // Permits lapse after 3 s; the work of the killed workers starts again after their heartbeat time-out.
      await sleep(25_000);
      const arrivals = await load.api.arrivals();
      const after = measured(arrivals, killed + 19_000, killed + 25_000);
      const refused = arrivals.filter(({ limited }) => limited).length;
      console.log(
        `killed workers: ${before.perSecond.toFixed(1)}/s before, ${after.perSecond.toFixed(1)}/s after, ${refused} refused of ${arrivals.length}`,
      );
      expect(after.perSecond).toBeGreaterThan(0.9 * before.perSecond);
      expect(refused).toBeLessThan(0.01 * arrivals.length);
    } finally {
      await load.close();
    }
  });
});

/** Returns the share of the calls that were refused, and prints it. */
function refusedOf(what: string, arrivals: readonly Arrival[]): number {
  const refused = arrivals.filter(({ limited }) => limited).length;
  const seconds = ((arrivals.at(-1)?.at ?? 0) - (arrivals[0]?.at ?? 0)) / 1000;
  console.log(`${what}: ${arrivals.length} calls in ${seconds.toFixed(1)} s, ${refused} refused`);
  return refused / arrivals.length;
}
