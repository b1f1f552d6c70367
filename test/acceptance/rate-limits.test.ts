import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectStats, finished, openBench, runSync, until, type Bench } from '../support/bench.ts';
import { queryState } from '../support/oracle.ts';
import { measured, startLoad } from '../support/quota-load.ts';

let bench: Bench;

beforeAll(async () => {
  bench = await openBench({ workers: 4 });
});
afterAll(() => bench.close());

test('four workers and two syncs use one quota, and no more than it (R9)', async () => {
  const requests = 100;
  const load = await startLoad(bench, {
    api: { quota: { requests, perMs: 1000 }, latencyMs: 5 },
    syncs: 2,
    records: 600,
  });
  try {
    for (const run of load.runs)
      expectStats(await finished(bench.stack.client, run), { imported: 600, created: 600 });
    const arrivals = await load.api.arrivals();
    const times = arrivals.map(({ at }) => at);
    // Only the middle of the run counts, while both syncs have work.
    const from = times[Math.floor(times.length * 0.2)] ?? 0;
    const to = times[Math.floor(times.length * 0.8)] ?? 0;
    const { perSecond } = measured(arrivals, from, to);
    const refused = arrivals.filter(({ limited }) => limited).length;
    console.log(`${perSecond.toFixed(1)} of ${requests} calls a second used, ${refused} refused`);
    // Other tests share the processors here, and a late worker sends less, never more. The sweep in test/soak asks for
    // 95 %.
    expect(perSecond).toBeGreaterThanOrEqual(0.7 * requests);
    expect(refused).toBeLessThan(0.01 * arrivals.length);
  } finally {
    await load.close();
  }
});

test('a pause that the API asks for stops all workers at once; the run says until when (R9)', async () => {
  const { client } = bench.stack;
  const load = await startLoad(bench, {
    api: { quota: { requests: 200, perMs: 1000 }, latencyMs: 5, retryAfter: 'date' },
    records: 1_000,
  });
  try {
    const [run = ''] = load.runs;
    while ((await load.api.arrivals()).length < 200) await sleep(50);
    await load.api.pause(4_000, 503);
    const waits = await until(client, run, ({ waitingUntil }) => waitingUntil !== null);
    expect(Date.parse(waits.waitingUntil ?? '') - Date.now()).toBeLessThan(6_000);
    const end = await finished(client, run);
    expectStats(end, { imported: 1_000, created: 1_000 });
    expect(end.waitingUntil).toBeNull();
    const arrivals = await load.api.arrivals();
    const paused = arrivals.findIndex(({ limited }) => limited);
    const back = arrivals.findIndex(({ limited }, at) => at > paused && !limited);
    const start = arrivals[back]?.at ?? 0;
    expect(start - (arrivals[paused]?.at ?? 0)).toBeGreaterThan(3_500);
    expect(arrivals.filter(({ limited }) => limited).length).toBeLessThan(40);
    const first = arrivals.filter(({ at }) => at >= start && at < start + 100);
    expect(first.length).toBeLessThanOrEqual(20);
  } finally {
    await load.close();
  }
});

test('chunks grow to what the API takes in half a minute, and the next run begins with that', async () => {
  const { stack } = bench;
  const load = await startLoad(bench, { api: { latencyMs: 2 }, records: 3_000 });
  try {
    const [first = ''] = load.runs;
    const run = await finished(stack.client, first);
    expectStats(run, { imported: 3_000, created: 3_000 });
    const sizes = await chunkSizes(first);
    expect(sizes[0]).toBe(250);
    expect(Math.max(...sizes)).toBeGreaterThan(500);
    const again = await runSync(stack, run.sync ?? '');
    expectStats(again, { imported: 3_000, unchanged: 3_000 });
    expect((await chunkSizes(again.id))[0]).toBeGreaterThan(500);
  } finally {
    await load.close();
  }

  async function chunkSizes(run: string): Promise<number[]> {
    const rows = await queryState(
      stack,
      'SELECT imported FROM chunks WHERE run = $1 AND imported > 0 ORDER BY no',
      [run],
    );
    return rows.map(({ imported }) => Number(imported));
  }
});
