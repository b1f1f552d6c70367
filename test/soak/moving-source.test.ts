import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBench, type Bench } from '../support/bench.ts';
import { syncMoving } from '../support/moving-table.ts';
import { chance, rounds } from '../support/soak.ts';

let bench: Bench;

beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

test.each(['upsert', 'mirror'] as const)(
  '%s of a table that moves ends exact (R3, R7)',
  async (mode) => {
    const random = chance(`moving ${mode}`);
    const moved = await syncMoving(bench, `moving_${mode}`, {
      mode,
      random,
      forMs: rounds(6) * 10_000,
    });
    console.log(`${mode}: ${JSON.stringify(moved)}`);
    expect(moved).toMatchObject({ lost: 0, phantom: 0 });
  },
);
