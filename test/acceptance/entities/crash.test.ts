import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import {
  endOfCycle,
  makeTable,
  openEntityBench,
  putEntity,
  runCycle,
  tableSource,
  type EntityBench,
} from '../../support/entity-bench.ts';
import { expectSettled, touchWith } from '../../support/entity-cases.ts';
import { planFaults, type Fault } from '../../support/faults.ts';
import { until } from '../../support/bench.ts';
import { withTemporal } from '../../support/temporal-history.ts';
import { twoWay, type Outcome } from '../../support/two-way.ts';

// Samples; the sweep over every fault point is in test/soak.
const faults = planFaults();
let bench: EntityBench;
let undisturbed: Outcome;

beforeAll(async () => {
  bench = await openEntityBench({ env: faults.env, workers: 2 });
  const entity = await twoWay(bench, 'calm');
  for (const step of ['begin', 'touched', 'echo']) {
    if (step === 'touched') await entity.touch();
    await entity.start();
    await entity.settle();
  }
  undisturbed = await entity.outcome();
}, 180_000);
afterAll(async () => {
  await bench.close();
  faults.close();
});

/** Returns what the rows of table `odd` hold, each value once: first those that nobody edited. */
async function held(db: EntityBench['sf']): Promise<(string | null | undefined)[]> {
  const sql = `SELECT DISTINCT code = 'c7', name || '|' || rate AS held FROM odd ORDER BY 1`;
  return (await db.query(sql)).map((row) => row['held']);
}

test('what the undisturbed cycles did is worth comparing, and has come to rest', () => {
  const { log, stats, tables } = undisturbed;
  const operations = log.map((entry) => entry.operation);
  expect(new Set(operations)).toEqual(new Set(['create', 'update', 'delete', 'merge']));
  expect(stats.at(-1)).toMatchObject({ outcome: 'nothing_written' });
  expect(tables['hs']?.length).toBeGreaterThan(60);
});

test('cycles whose worker is killed at stage after stage end like undisturbed ones', async () => {
  const entity = await twoWay(bench, 'struck');
  const cycle = 'entity/struck';
  const strikes: Fault[][] = [
    [
      { point: 'unify.after-commit', action: 'kill', workflow: cycle },
      { point: 'export.after-write', action: 'kill', sync: 'struck.hs' },
    ],
    [{ point: 'cycle.after-number', action: 'kill', workflow: cycle }],
    [],
  ];
  for (const [step, points] of strikes.entries()) {
    if (step === 1) await entity.touch();
    for (const [at, fault] of points.entries()) {
      faults.plan(fault);
      if (at === 0) await entity.start();
      await faults.strike();
    }
    if (points.length === 0) await entity.start();
    await entity.settle();
  }
  expect(await entity.outcome()).toEqual(undisturbed);
}, 240_000);

test('a cycle that is cancelled in the middle, and one whose workflow is terminated, are done again (R6)', async () => {
  const { client } = bench.stack;
  const entity = await twoWay(bench, 'ended');
  const workflow = 'entity/ended';
  faults.plan({ point: 'unify.after-commit', action: 'freeze', workflow });
  const cancelled = await entity.start();
  const first = await faults.strike();
  await client.runs.act(cancelled, 'cancel');
  process.kill(first, 'SIGCONT');
  await until(client, cancelled, ({ status }) => status === 'cancelled');
  await entity.start();
  await entity.settle();

  await entity.touch();
  faults.plan({ point: 'merge.before-commit', action: 'freeze', workflow });
  const terminated = await entity.start();
  const zombie = await faults.strike();
  await withTemporal(bench.stack, ({ workflow: all }) => all.getHandle(workflow).terminate());
  await entity.start();
  await entity.settle();
  // It comes back with what it has loaded, and must not save it.
  process.kill(zombie, 'SIGCONT');
  expect(await client.runs.get(terminated)).toMatchObject({
    status: 'failed',
    failure: { code: 'terminated' },
  });
  await entity.start();
  await entity.settle();
  const { stats: _stats, ...outcome } = await entity.outcome();
  const { stats: _calm, ...calm } = undisturbed;
  expect(outcome).toEqual(calm);
}, 240_000);

test('what a run has just made in a system is not taken for new there by the next cycle', async () => {
  const { client } = bench.stack;
  const entity = await twoWay(bench, 'late');
  faults.plan({ point: 'export.after-write', action: 'freeze', sync: 'late.hs' });
  await entity.start();
  // Records have been made, and nobody knows their ids yet.
  const frozen = await faults.strike();
  const next = await entity.start();
  const { more } = await until(client, next, ({ finishedAt }) => finishedAt !== null);
  process.kill(frozen, 'SIGCONT');
  expect(more).toBe(true);
  await vi.waitFor(
    async () => {
      await entity.start();
      await entity.settle();
      const { stats, records, tables } = await entity.outcome();
      expect(stats.at(-1)).toMatchObject({ outcome: 'nothing_written' });
      // One record and one row for each code, whichever source told it first.
      expect(records).toHaveLength(140);
      const codes = tables['hs']?.map((row) => (row as { code: string }).code) ?? [];
      expect(new Set(codes).size).toBe(codes.length);
    },
    { timeout: 120_000, interval: 1000 },
  );
}, 240_000);

test('an update that the system stores in its own way is no edit, though the worker died before it was noted', async () => {
  const { stack, sf, hs } = bench;
  for (const db of [sf, hs]) await makeTable(db, 'odd', 'code text, name text, rate numeric');
  await touchWith(sf, 'odd');
  await touchWith(hs, 'odd', 'NEW.name := trim(lower(NEW.name)); NEW.rate := round(NEW.rate);');
  await sf.query(
    `INSERT INTO odd SELECT n, 'c' || n, ' Name ', n + 0.26 FROM generate_series(1, 30) n`,
  );
  const fields = { code: 'code', name: 'name', rate: 'rate' };
  const to = (connection: string) => ({
    destination: { connection, stream: 'public.odd', id: 'id' },
    mode: 'upsert' as const,
    fields,
  });
  const from = (connection: string) =>
    tableSource(connection, 'odd', { attach: [['code']], fields });
  await putEntity(stack, 'odd', {
    fields: { code: 'text', name: 'text', rate: 'number' },
    sources: { sf: from('sf'), hs: from('hs') },
    authority: { code: 'latest', name: 'latest', rate: 'latest' },
    destinations: { sf: to('sf'), hs: to('hs') },
  });
  const tables = [
    [sf, 'odd'],
    [hs, 'odd'],
  ] as const;
  await runCycle(stack, 'odd');
  await expectSettled(stack, 'odd', tables);

  for (const rate of ['7.7', '8.8']) {
    await sf.query(`UPDATE odd SET name = ' New ${rate}', rate = ${rate}`);
    faults.plan({ point: 'export.after-write', action: 'kill', sync: 'odd.hs' });
    const { id } = await stack.client.entities.start('odd');
    await faults.strike();
    // A user edits one of the records that are written and not noted.
    await hs.query(`UPDATE odd SET name = 'edited ${rate}' WHERE code = 'c7'`);
    const cycle = await endOfCycle(stack, id);
    expect(cycle.to['hs']?.stats).toMatchObject({
      imported: 30,
      updated: 30,
      skipped: 0,
      errors: 0,
    });
    await expectSettled(stack, 'odd', tables);
    expect(await held(hs)).toEqual([
      `new ${rate}|${Math.round(Number(rate))}`,
      `edited ${rate}|${Math.round(Number(rate))}`,
    ]);
    expect(await held(sf)).toEqual([` New ${rate}|${rate}`, `edited ${rate}|${rate}`]);
  }
}, 240_000);
