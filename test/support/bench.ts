import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { z } from 'zod';
import type { RunView } from '../../src/api/views/run-view.ts';
import { ApiError } from '../../src/cli/api-error.ts';
import { isOver, type RunOptions } from '../../src/model/run.ts';
import { syncSchema } from '../../src/model/sync.ts';
import { createDatabase, type Database } from './database.ts';
import { startStack, type Stack, type StackOptions } from './stack.ts';

/** A running Sluice between two databases, with the connections `shop` and `crm`. */
export interface Bench {
  stack: Stack;
  readonly shop: Database;
  readonly crm: Database;
  close(): Promise<void>;
}

/** A sync as a user declares it. */
export type SyncInput = z.input<typeof syncSchema>;

/** Starts a Sluice with the connections `shop` and `crm` to empty databases. */
export async function openBench(options: StackOptions = {}): Promise<Bench> {
  const [stack, shop, crm] = await Promise.all([
    startStack(undefined, options),
    createDatabase('shop'),
    createDatabase('crm'),
  ]);
  const { connections } = stack.client;
  await connections.put('shop', { type: 'postgres', url: shop.url });
  await connections.put('crm', { type: 'postgres', url: crm.url });
  const bench: Bench = {
    stack,
    shop,
    crm,
    close: async () => {
      await bench.stack.stop();
      await Promise.all([shop.drop(), crm.drop()]);
    },
  };
  return bench;
}

/** Returns a sync from table `name` of shop to that of crm, with key `id` and mode upsert, unless told otherwise. */
export function tableSync(
  name: string,
  { source, destination, ...more }: PartialSync = {},
): SyncInput {
  const stream = `public.${name}`;
  return {
    source: { connection: 'shop', stream, key: 'id', ...source },
    destination: { connection: 'crm', stream, key: 'id', ...destination },
    mode: 'upsert',
    ...more,
  };
}

/** The parameters of {@link tableSync}. */
export type PartialSync = Partial<Omit<SyncInput, 'source' | 'destination'>> & {
  source?: Partial<SyncInput['source']>;
  destination?: Partial<SyncInput['destination']>;
};

/** Declares a sync. */
export async function putSync(stack: Stack, id: string, sync: SyncInput): Promise<void> {
  await stack.client.syncs.put(id, syncSchema.parse(sync));
}

/** Runs a sync to its end. */
export async function runSync(
  { client }: Stack,
  sync: string,
  options: Omit<RunOptions, 'retryOf'> = {},
  patienceMs?: number,
): Promise<RunView> {
  return finished(client, (await client.runs.start(sync, options)).id, patienceMs);
}

/** Waits until the run is over. It also asserts R10, and so does that for every run of every test. */
export async function finished(
  client: Stack['client'],
  id: string,
  patienceMs?: number,
): Promise<RunView> {
  const run = await until(client, id, ({ status }) => isOver(status), patienceMs);
  expectBalanced(run);
  return run;
}

/** Waits until the run is as wanted, by default at most 4 minutes; the API may fail in the meantime. */
export async function until(
  client: Stack['client'],
  id: string,
  wanted: (run: RunView) => boolean,
  patienceMs = 240_000,
): Promise<RunView> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const run = await client.runs.get(id).catch(outOfOrder);
    if (run !== null && wanted(run)) return run;
    if (Date.now() > deadline) throw new Error(`Not in time: ${JSON.stringify(run)}`);
    await sleep(100);
  }
}

function outOfOrder(error: unknown): null {
  if (error instanceof ApiError && (error.status === 0 || error.status === 503)) return null;
  throw error;
}

/** Asserts R10: every imported record is accounted for once. */
export function expectBalanced({ stats }: RunView): void {
  const { imported, created, updated, unchanged, skipped, errors, exported } = stats;
  assert.equal(created + updated + unchanged + skipped + errors, imported);
  assert.equal(exported, created + updated);
}

/** Asserts that the run completed with exactly these counts; those that are not named are 0. */
export function expectStats(run: RunView, counts: Partial<RunView['stats']>): void {
  const { skippedBy, exported, ...stats } = run.stats;
  const wanted = {
    status: 'completed',
    failure: null,
    imported: 0,
    created: 0,
    updated: 0,
    unchanged: 0,
    skipped: 0,
    removed: 0,
    errors: 0,
    removeErrors: 0,
    ...counts,
  };
  assert.deepEqual({ status: run.status, failure: run.failure, ...stats }, wanted);
  assert.equal(exported, stats.created + stats.updated);
  const skips = Object.values(skippedBy).reduce<number>((sum, count) => sum + (count ?? 0), 0);
  assert.equal(skips, stats.skipped);
}
