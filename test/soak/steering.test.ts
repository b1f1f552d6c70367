import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunView } from '../../src/api/views/run-view.ts';
import { ApiError } from '../../src/cli/api-error.ts';
import { taskQueue } from '../../src/model/workflow.ts';
import { finished, openBench, until, type Bench } from '../support/bench.ts';
import { ledgerKinds, ledgerSync, type LedgerSync } from '../support/ledger-sync.ts';
import {
  apiChanges,
  changesDue,
  expectTidy,
  numbersOf,
  reckon,
  type Change,
  type Numbers,
} from '../support/oracle.ts';
import { withTemporal } from '../support/temporal-history.ts';
import { chance, rounds, type Chance } from '../support/soak.ts';

const workers = 3;
const drained = new Set<number>();
let bench: Bench;

beforeAll(async () => {
  bench = await openBench({ workers });
});
afterAll(() => bench.close());

test('paused, resumed, cancelled, continued and drained at random instants: effects are stats (R10)', async () => {
  const syncs = await Promise.all(
    ledgerKinds.map((kind) => ledgerSync(bench, kind, { latencyMs: kind === 'api put' ? 20 : 5 })),
  );
  const slowest = { pause: 0, cancel: 0 };
  try {
    for (let round = 0; round < rounds(10); round++) {
      const lines = await Promise.all(
        syncs.map((sync) => oneRound(sync, chance(`steer ${round} ${sync.kind}`), slowest)),
      );
      lines.forEach((line) => console.log(`round ${round} ${line}`));
      for (const sync of syncs) await sync.touch();
    }
    console.log(`slowest pause ${slowest.pause} ms, slowest cancel ${slowest.cancel} ms`);
    expect(Math.max(slowest.pause, slowest.cancel)).toBeLessThan(10_000);
  } finally {
    for (const sync of syncs) await sync.close();
  }
});

/** Steers runs of a sync until one completes. Together they must have done what was due, each effect once. */
async function oneRound(
  sync: LedgerSync,
  luck: Chance,
  slowest: { pause: number; cancel: number },
): Promise<string> {
  const before = await held(sync);
  const mark = (await changes(sync)).length;
  const source = await numbersOf(bench.shop, sync.id, { key: 'code' });
  const runs: RunView[] = [];
  const story: string[] = [];
  let last: RunView | undefined;
  while (last?.status !== 'completed') {
    const id = await startOrContinue(sync, last, luck, story);
    last = await steer(id, luck, story, slowest);
    assert.notEqual(last.status, 'failed', JSON.stringify(last));
    runs.push(last);
    await checkStats(sync, runs, mark, `${sync.kind}: ${story.join(' ')}`);
  }
  const may = { create: true, update: true, remove: sync.kind.match(/mirror|put/) !== null };
  const due = changesDue(source, before, may);
  const { lost, phantom, duplicate } = reckon(due, (await changes(sync)).slice(mark));
  const told = `${sync.kind}: ${story.join(' ')}`;
  assert.deepEqual([lost.length, phantom.length, duplicate.length], [0, 0, 0], told);
  await expectTidy(bench.stack, last.id, sync.api ? undefined : bench.crm);
  return told;
}

async function startOrContinue(
  sync: LedgerSync,
  last: RunView | undefined,
  luck: Chance,
  story: string[],
): Promise<string> {
  if (last === undefined || luck.next() < 0.4) return sync.start();
  try {
    const { id } = await bench.stack.client.runs.start(sync.id, { continueOf: last.id });
    story.push('continue');
    return id;
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 'nothing_to_continue') throw error;
    return sync.start();
  }
}

/** Does up to five things to a run, and waits for its end. */
async function steer(
  id: string,
  luck: Chance,
  story: string[],
  slowest: { pause: number; cancel: number },
): Promise<RunView> {
  const { client } = bench.stack;
  for (let steps = 0; steps < 5; steps++) {
    await sleep(luck.between(0, 1500));
    const action = luck.pick(['pause', 'pause', 'cancel', 'drain', 'wait'] as const);
    story.push(action);
    const began = Date.now();
    if (action === 'drain') await drain(luck);
    else if (action !== 'wait' && !(await act(id, action))) break;
    if (action === 'cancel') {
      const run = await finished(client, id);
      slowest.cancel = Math.max(slowest.cancel, Date.now() - began);
      return run;
    }
    if (action === 'pause') {
      const { status } = await until(client, id, (run) =>
        ['paused', 'completed', 'failed'].includes(run.status),
      );
      slowest.pause = Math.max(slowest.pause, Date.now() - began);
      await sleep(luck.between(0, 1000));
      if (status !== 'paused' || !(await act(id, 'resume'))) break;
    }
  }
  return finished(client, id);
}

/** Drains a worker while all are at work, since with no worker left nothing could take effect. */
async function drain(luck: Chance): Promise<void> {
  const pids = bench.stack.workerPids();
  const asking = await pollers();
  if (pids.length === workers && pids.every((pid) => asking.includes(pid) && !drained.has(pid))) {
    const pid = luck.pick(pids);
    drained.add(pid);
    process.kill(pid, 'SIGTERM');
  }
}

/** Returns the processes that recently asked Temporal for work. */
function pollers(): Promise<number[]> {
  return withTemporal(bench.stack, async ({ options, connection }) => {
    const found = await connection.workflowService.describeTaskQueue({
      namespace: options.namespace,
      taskQueue: { name: taskQueue },
      taskQueueType: 1,
    });
    return (found.pollers ?? []).map(({ identity }) => Number.parseInt(identity ?? '', 10));
  });
}

/** Acts on a run; returns false when it is over already. */
async function act(id: string, action: 'pause' | 'resume' | 'cancel'): Promise<boolean> {
  try {
    await bench.stack.client.runs.act(id, action);
    return true;
  } catch (error) {
    if (error instanceof ApiError && error.code === 'run_over') return false;
    throw error;
  }
}

/** Asserts that the counts of the runs are those of the destination's log. */
async function checkStats(
  sync: LedgerSync,
  runs: readonly RunView[],
  mark: number,
  told: string,
): Promise<void> {
  const made = (await changes(sync)).slice(mark);
  const counted = { create: 0, update: 0, remove: 0 };
  for (const { stats } of runs) {
    counted.create += stats.created;
    counted.update += stats.updated;
    counted.remove += stats.removed;
  }
  const logged = { create: 0, update: 0, remove: 0 };
  for (const { operation } of made) logged[operation] += 1;
  assert.deepEqual(counted, logged, `${told} ${JSON.stringify(runs)}`);
}

async function changes(sync: LedgerSync): Promise<readonly Change[]> {
  if (sync.api) return apiChanges(sync.api);
  const log = `SELECT operation, key, seq FROM public.${sync.id}_audit ORDER BY no`;
  return (await bench.crm.query(log)) as unknown as Change[];
}

async function held(sync: LedgerSync): Promise<Numbers> {
  if (!sync.api) return numbersOf(bench.crm, sync.id, { key: 'code' });
  const records = [...sync.api.records.values()];
  return new Map(records.map((one) => [String(one['code']), String(one['seq'])]));
}
