import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openBench, until } from '../support/bench.ts';
import { planFaults } from '../support/faults.ts';
import { carryOn, ledgerSync, type LedgerKind, type LedgerSync } from '../support/ledger-sync.ts';
import { recordPassages, type Passage } from '../support/passages.ts';
import { chance, inLanes, isSwept, rounds } from '../support/soak.ts';

/** Time enough for a worker that wakes up to finish its work. */
const wakeMs = 5_000;

test('a worker frozen at any fault point: another ends the run, and the first commits nothing when it wakes (R6)', async () => {
  const { between, next } = chance('zombies');
  const passages = await recordPassages();
  const share = rounds(100) / 100;
  const cases = passages
    .filter(isSwept)
    .filter(() => next() < share)
    .map((passage) => ({ ...passage, hit: next() < 0.5 ? 1 : between(1, passage.times + 1) }));
  expect(cases.length).toBeGreaterThan(0);
  const slowest = { ms: 0, what: '' };
  let struck = 0;
  await inLanes(cases, 3, async () => {
    const lane = await openLane();
    return {
      async work(one) {
        const ms = await lane.freeze(one);
        if (ms !== null) struck += 1;
        if (ms !== null && ms > slowest.ms) Object.assign(slowest, { ms, what: one.point });
      },
      close: () => lane.close(),
    };
  });
  console.log(
    `${struck} of ${cases.length} runs frozen, all exact; slowest ${slowest.ms} ms (${slowest.what})`,
  );
});

interface Lane {
  /**
   * Returns the milliseconds from the freeze to the end of the run; null when the run ended without reaching the point.
   */
  freeze(passage: Passage & { hit: number }): Promise<number | null>;
  close(): Promise<void>;
}

/** Opens a Sluice with two workers and a sync of each kind. */
async function openLane(): Promise<Lane> {
  const faults = planFaults();
  const bench = await openBench({ workers: 2, env: faults.env });
  const syncs = new Map<LedgerKind, LedgerSync>();

  async function freezeOne(sync: LedgerSync): Promise<number | null> {
    const began = Date.now();
    const first = await sync.settle(await sync.start());
    const tookMs = Date.now() - began;
    let last = first;
    // The next run has newer values, which the frozen worker must not overwrite with those that it still holds.
    const goesOn = sync.kind !== 'api blind' || first.unknown === 0;
    if (goesOn) await sync.touch();
    const run = goesOn ? await sync.start() : undefined;
    if (run !== undefined) await until(bench.stack.client, run, ({ outcome }) => outcome !== null);
    const pid = faults.struck();
    if (pid !== null) {
      process.kill(pid, 'SIGCONT');
      await sleep(wakeMs);
    }
    const { stats, status } = await bench.stack.client.runs.get(first.run.id);
    expect({ stats, status }).toEqual({ stats: first.run.stats, status: first.run.status });
    if (run !== undefined) last = await sync.settle(run);
    syncs.set(sync.kind, await carryOn(bench, sync, last));
    return pid === null ? null : tookMs;
  }

  return {
    async freeze({ kind, point, hit }) {
      const sync = syncs.get(kind) ?? (await ledgerSync(bench, kind));
      faults.plan({ point, hit, action: 'freeze', sync: sync.id });
      try {
        return await freezeOne(sync);
      } catch (error) {
        throw new Error(`${kind}, ${point}, passage ${hit}`, { cause: error });
      } finally {
        faults.clear();
      }
    },
    async close() {
      for (const pid of bench.stack.workerPids()) process.kill(pid, 'SIGCONT');
      await bench.close();
      for (const sync of syncs.values()) await sync.close();
      faults.close();
    },
  };
}
