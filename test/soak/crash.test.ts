import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBench, type Bench } from '../support/bench.ts';
import { ledgerKinds, ledgerSync } from '../support/ledger-sync.ts';
import { chance, rounds } from '../support/soak.ts';

let bench: Bench;

beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

test('a worker killed at random instants: every destination ends exact (R2, R5, R6, R10)', async () => {
  const { between } = chance('random kills');
  const syncs = await Promise.all(ledgerKinds.map((kind) => ledgerSync(bench, kind)));
  try {
    for (let round = 0; round < rounds(10); round++) {
      const runs = await Promise.all(syncs.map((sync) => sync.start()));
      await sleep(between(0, 5000));
      const [pid] = bench.stack.workerPids();
      if (pid !== undefined) process.kill(pid, 'SIGKILL');
      const ends = await Promise.all(syncs.map((sync, at) => sync.settle(runs[at] ?? '')));
      ends.forEach(({ repeated, unknown }, at) =>
        console.log(`round ${round} ${syncs[at]?.kind}: repeated ${repeated}, unknown ${unknown}`),
      );
      for (const { repeated, unknown } of ends) expect(repeated + unknown).toBeLessThanOrEqual(16);
      for (const sync of syncs) await sync.touch();
    }
  } finally {
    for (const sync of syncs) await sync.close();
  }
});
