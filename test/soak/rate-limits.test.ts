import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBench, type Bench } from '../support/bench.ts';
import { measure, startLoad } from '../support/quota-load.ts';

describe.each([1, 4])('%i workers', (workers) => {
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
