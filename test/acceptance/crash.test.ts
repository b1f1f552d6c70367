import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openBench, until, type Bench } from '../support/bench.ts';
import { planFaults } from '../support/faults.ts';
import { carryOn, ledgerKinds, ledgerSync, type LedgerSync } from '../support/ledger-sync.ts';
import { startStack } from '../support/stack.ts';

// These are samples; the sweeps over every fault point and random instants are in test/soak.
const faults = planFaults();
const options = { workers: 3, env: faults.env };
let bench: Bench;
let syncs: LedgerSync[];

beforeAll(async () => {
  bench = await openBench(options);
  syncs = await Promise.all(ledgerKinds.map((kind) => ledgerSync(bench, kind)));
});
afterAll(async () => {
  await bench.close();
  for (const sync of syncs) await sync.close();
  faults.close();
});

test('a worker frozen in a transaction, another killed between a call and its journal: all ends exact (R2, R5, R6)', async () => {
  const { stack } = bench;
  const table = of('table');
  const runs = await Promise.all(
    syncs.filter((sync) => sync !== table).map(async (sync) => ({ sync, run: await sync.start() })),
  );
  faults.plan({ point: 'export.after-write', action: 'kill', hit: 20 });
  const killed = await faults.strike();
  // The second transaction of the table's run stages the first chunk, the third applies it.
  faults.plan({ point: 'destination.in-transaction', action: 'freeze', hit: 3, sync: table.id });
  const first = await table.start();
  const frozen = await faults.strike();
  await until(stack.client, first, ({ status }) => status === 'completed');
  process.kill(frozen, 'SIGCONT');
  await sleep(3000);
  for (const { sync, run } of [...runs, { sync: table, run: first }]) {
    const end = await sync.settle(run);
    expect(end.repeated + end.unknown).toBeLessThanOrEqual(200);
    syncs[syncs.indexOf(sync)] = await carryOn(bench, sync, end);
  }
  expect(stack.workerPids()).toHaveLength(3);
  expect(stack.workerPids()).not.toContain(killed);
}, 180_000);

test('staged rows that a crash of the destination took are imported again', async () => {
  const { crm } = bench;
  const table = of('table mirror');
  faults.plan({ point: 'export.before-apply', action: 'freeze', hit: 2, sync: table.id });
  const run = await table.start();
  const frozen = await faults.strike();
  // Empties the unlogged staging tables, as crash recovery does.
  const staged = await crm.query(
    `SELECT oid::regclass::text AS name FROM pg_class WHERE relpersistence = 'u' AND relname LIKE 'staged%'`,
  );
  for (const { name } of staged) await crm.query(`TRUNCATE ${name}`);
  process.kill(frozen, 'SIGCONT');
  await table.settle(run);
  expect(staged.length).toBeGreaterThan(0);
  await table.touch();
}, 180_000);

test('both servers killed, then everything killed and started again: all ends exact by itself (R2, R5, R6)', async () => {
  const { stack } = bench;
  const runs = await Promise.all(syncs.map(async (sync) => ({ sync, run: await sync.start() })));
  await sleep(1000);
  process.kill(stack.serverPid('temporal'), 'SIGKILL');
  process.kill(stack.serverPid('postgres'), 'SIGKILL');
  await vi.waitFor(() => {
    expect(stack.output()).toContain('The embedded Temporal server runs again');
    expect(stack.output()).toContain('The embedded Postgres runs again');
  }, 60_000);
  await stack.kill();
  bench.stack = await startStack(stack.dataDir, options);
  for (const { sync, run } of runs) await sync.settle(run);
}, 180_000);

function of(kind: LedgerSync['kind']): LedgerSync {
  const found = syncs.find((sync) => sync.kind === kind);
  if (found === undefined) throw new Error(`no sync of kind ${kind}`);
  return found;
}
