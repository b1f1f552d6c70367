import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectStats, finished, openBench, until, type Bench } from '../support/bench.ts';
import { planFaults } from '../support/faults.ts';
import { startLoad } from '../support/quota-load.ts';

const faults = planFaults();
let bench: Bench;

beforeAll(async () => {
  bench = await openBench({ workers: 2, env: faults.env });
});
afterAll(async () => {
  await bench.close();
  faults.close();
});

test("a run whose day's quota is used up leaves the worker and says until when; killed workers take none of it (R9)", async () => {
  const { stack } = bench;
  const [requests, records, perMs] = [40, 60, 61_000];
  const load = await startLoad(bench, {
    // It refuses every call beyond the quota, and its answers tell nothing of it.
    api: { quota: { requests, perMs }, headers: 'none' },
    declared: { long: { day: { requests, per: `${perMs}ms` } } },
    records,
  });
  try {
    const [run = ''] = load.runs;
    faults.plan({ point: 'export.after-write', action: 'kill', hit: 10 });
    const killed = await faults.strike();
    const parked = await until(
      stack.client,
      run,
      ({ waitingUntil }) => remaining(waitingUntil) > 0,
    );
    expect(parked.status).toBe('running');
    expect(remaining(parked.waitingUntil)).toBeGreaterThan(20_000);
    expect(remaining(parked.waitingUntil)).toBeLessThan(perMs + 5_000);
    for (const pid of stack.workerPids()) process.kill(pid, 'SIGKILL');
    const end = await finished(stack.client, run);
    expectStats(end, { imported: records, created: records });
    expect(end.waitingUntil).toBeNull();
    const arrivals = await load.api.arrivals();
    expect(arrivals.filter(({ limited }) => limited)).toEqual([]);
    expect(arrivals.length).toBeGreaterThan(requests);
    expect(stack.workerPids()).not.toContain(killed);
  } finally {
    await load.close();
  }
}, 180_000);

function remaining(end: string | null): number {
  return end === null ? 0 : Date.parse(end) - Date.now();
}
