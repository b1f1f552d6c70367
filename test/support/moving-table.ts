import { expect } from 'vitest';
import { putSync, runSync, tableSync, type Bench } from './bench.ts';
import { startMutator, type Mutations } from './mutator.ts';
import type { Chance } from './soak.ts';

/** The result of syncing a table that moved. */
export interface Moved extends Mutations {
  readonly runs: number;
  readonly lost: number;
  readonly phantom: number;
}

/**
 * Syncs table `name` of shop again and again while it moves for `forMs`, then once more at rest. Then the destination
 * must hold what the source holds, and a mirror must have removed what the source deleted.
 */
export async function syncMoving(
  { stack, shop, crm }: Bench,
  name: string,
  { mode, random, forMs }: { mode: 'upsert' | 'mirror'; random: Chance; forMs: number },
): Promise<Moved> {
  const table = `CREATE TABLE ${name} (id int PRIMARY KEY, v text, at timestamptz)`;
  await crm.query(table);
  await shop.query(`${table};
    INSERT INTO ${name} SELECT n, 'v', now() FROM generate_series(1, 60000) n`);
  const watermark = { field: 'at', lag: '3s' };
  await putSync(
    stack,
    name,
    tableSync(name, { mode, source: { watermark }, removal: { guard: false } }),
  );
  const mutator = await startMutator(shop.url, name, { random, longestMs: 4000, lagMs: 2000 });
  const deadline = Date.now() + forMs;
  let runs = 0;
  while (Date.now() < deadline) {
    const run = await runSync(stack, name);
    expect(run).toMatchObject({ status: 'completed', stats: { errors: 0 } });
    runs += 1;
  }
  await mutator.stop();
  expect((await runSync(stack, name)).status).toBe('completed');
  const [source, held] = await Promise.all([shop.rows(name), crm.rows(name)]);
  const [sent, have] = [new Set(source), new Set(held)];
  const lost = source.filter((row) => !have.has(row)).length;
  const ids = new Set((await shop.query(`SELECT id FROM ${name}`)).map(({ id }) => id));
  const extra = held.filter((row) => !sent.has(row));
  // An upsert keeps rows that the source has deleted; an existing row with another value than the source's is a phantom.
  const phantom = extra.filter(
    (row) => mode === 'mirror' || ids.has(/\d+/.exec(row ?? '')?.[0] ?? ''),
  );
  return { ...mutator.done, runs, lost, phantom: phantom.length };
}
