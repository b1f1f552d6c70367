import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { mostNotDurable } from '../../activities/paths/records/chunk-log.ts';
import { mostCallsAtOnce } from '../../activities/ends/pool.ts';
import { faultPoints } from '../../src/model/fault-point.ts';
import { startEmbeddedPostgres } from '../../src/runtime/embedded/postgres.ts';
import { openBench, type Bench } from '../support/bench.ts';
import { createDatabase } from '../support/database.ts';
import { planFaults, type Fault } from '../support/faults.ts';
import { isOfCycles, isOfJobs, recordPassages, type Passage } from '../support/passages.ts';
import {
  carryOn,
  ledgerKinds,
  ledgerSync,
  type LedgerKind,
  type LedgerSync,
} from '../support/ledger-sync.ts';
import { chance, inLanes, isSwept, rounds } from '../support/soak.ts';
import { startStack } from '../support/stack.ts';

/**
 * The most calls that are repeated or stay unknown when a process dies: those on the wire or answered at that moment.
 */
const underWay = mostCallsAtOnce + mostNotDurable.outcomes;

describe('at every fault point', () => {
  let passages: Passage[] = [];

  test('every fault point is passed by some kind of destination', async () => {
    passages = await recordPassages();
    const passed = new Set(passages.map(({ point }) => point));
    const ofSyncs = faultPoints.filter((point) => !isOfCycles(point) && !isOfJobs(point));
    expect(ofSyncs.filter((point) => !passed.has(point))).toEqual([]);
  });

  test.each(['kill', 'throw'] as const)('%s: the run ends exact', async (action) => {
    const { between } = chance(`points ${action}`);
    const cases = passages.filter(isSwept).flatMap(({ kind, point, times }) =>
      Array.from({ length: rounds(1) }, (_, round) => ({
        kind,
        point,
        // The first round strikes at the first passage, later ones at any.
        hit: round === 0 ? 1 : between(1, times + 1),
      })),
    );
    await inLanes(cases, 3, async () => {
      const lane = await openLane();
      return {
        work: ({ kind, ...fault }) => lane.strike(kind, { action, ...fault }),
        close: () => lane.close(),
      };
    });
    expect(cases.length).toBeGreaterThan(0);
    console.log(`${cases.length} runs struck by ${action}, all exact`);
  });
});

describe('at random instants', () => {
  let bench: Bench;
  let syncs: LedgerSync[];

  beforeAll(async () => {
    bench = await openBench({ workers: 4 });
    syncs = await Promise.all(ledgerKinds.map((kind) => ledgerSync(bench, kind)));
  });
  afterAll(async () => {
    await bench.close();
    for (const sync of syncs) await sync.close();
  });

  test.each([
    ['every worker at once', 10, 6000, async () => killAll(bench.stack.workerPids())],
    ['the Temporal server', 10, 6000, async () => killAll([bench.stack.serverPid('temporal')])],
    ['Postgres', 10, 6000, async () => killAll([bench.stack.serverPid('postgres')])],
    ['everything', 6, 6000, killEverything],
  ] as const)('%s killed: every destination ends exact', async (what, count, within, strike) => {
    const { between } = chance(what);
    let repeated = 0;
    let unknown = 0;
    for (let round = 0; round < rounds(count); round++) {
      const runs = await Promise.all(syncs.map((sync) => sync.start()));
      await sleep(between(0, within));
      await strike();
      for (const [at, sync] of syncs.entries()) {
        const end = await sync.settle(runs[at] ?? '');
        repeated += end.repeated;
        unknown += end.unknown;
        expect(end.repeated + end.unknown).toBeLessThanOrEqual(underWay);
        syncs[at] = await carryOn(bench, sync, end);
      }
    }
    console.log(
      `${rounds(count)} kills of ${what}, 5 runs each: all exact; repeated ${repeated}, unknown ${unknown}`,
    );
  });

  test('one of four workers after the other killed: every destination ends exact', async () => {
    const { between, pick } = chance('rolling');
    let kills = 0;
    for (let round = 0; round < rounds(4); round++) {
      const runs = await Promise.all(syncs.map((sync) => sync.start()));
      const over = new AbortController();
      const killer = (async () => {
        while (!over.signal.aborted) {
          await sleep(between(1000, 6000));
          const pids = bench.stack.workerPids();
          if (over.signal.aborted || pids.length === 0) continue;
          killAll([pick(pids)]);
          kills += 1;
        }
      })();
      const ends = await Promise.allSettled(syncs.map((sync, at) => sync.settle(runs[at] ?? '')));
      over.abort();
      await killer;
      for (const [at, end] of ends.entries()) {
        const sync = syncs[at];
        if (end.status === 'rejected') throw end.reason;
        if (sync !== undefined) syncs[at] = await carryOn(bench, sync, end.value);
      }
    }
    expect(kills).toBeGreaterThan(0);
    console.log(`${kills} rolling kills in ${rounds(4)} rounds of 5 runs: all exact`);
  });

  async function killEverything(): Promise<void> {
    await bench.stack.kill();
    bench.stack = await startStack(bench.stack.dataDir, { workers: 4 });
  }
});

test('the Postgres of a destination killed in the middle: tables and mirrors end exact', async () => {
  const { between } = chance('destination');
  const dir = mkdtempSync(join(tmpdir(), 'sluice-destination-'));
  chmodSync(dir, 0o755);
  const start = (port?: number) =>
    startEmbeddedPostgres({ dir, log: () => undefined, ...(port !== undefined && { port }) });
  let server = await start();
  const port = Number(new URL(server.url).port);
  const bench = await openBench();
  const crm = await createDatabase('crm', server.url);
  await bench.stack.client.connections.put('crm', { type: 'postgres', url: crm.url });
  try {
    const own = { ...bench, crm };
    const syncs = await Promise.all(
      (['table', 'table mirror'] as const).map((kind) => ledgerSync(own, kind)),
    );
    for (let round = 0; round < rounds(10); round++) {
      const runs = await Promise.all(syncs.map((sync) => sync.start()));
      await sleep(between(0, 3000));
      killAll([server.pid]);
      await server.exited;
      // The server's children end a moment after it.
      server = await vi.waitFor(() => start(port), { timeout: 60_000, interval: 1000 });
      for (const [at, sync] of syncs.entries()) {
        await sync.settle(runs[at] ?? '');
        await sync.touch();
      }
    }
    console.log(`${rounds(10)} kills of a destination's Postgres, 2 runs each: all exact`);
  } finally {
    await bench.close();
    await server.stop();
    rmSync(dir, { recursive: true, force: true });
  }
  expect(server.pid).toBeGreaterThan(0);
});

function killAll(pids: readonly number[]): void {
  for (const pid of pids) process.kill(pid, 'SIGKILL');
}

/** Opens a Sluice with a sync of each kind, for faults one after the other. */
async function openLane(): Promise<{
  strike(kind: LedgerKind, fault: Fault): Promise<void>;
  close(): Promise<void>;
}> {
  const faults = planFaults();
  const bench = await openBench({ env: faults.env });
  const syncs = new Map<LedgerKind, LedgerSync>();
  return {
    async strike(kind, fault) {
      const sync = syncs.get(kind) ?? (await ledgerSync(bench, kind));
      syncs.set(kind, sync);
      faults.plan({ ...fault, sync: sync.id });
      const run = await sync.start();
      try {
        const end = await sync.settle(run);
        // A later run may have less to do, and so may not reach the intended passage.
        if (fault.hit === 1) expect(faults.struck()).not.toBeNull();
        expect(end.repeated + end.unknown).toBeLessThanOrEqual(underWay);
        syncs.set(kind, await carryOn(bench, sync, end));
      } catch (error) {
        throw new Error(`${kind}, ${JSON.stringify(fault)}`, { cause: error });
      }
      faults.clear();
    },
    async close() {
      await bench.close();
      for (const sync of syncs.values()) await sync.close();
      faults.close();
    },
  };
}
