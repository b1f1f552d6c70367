import { expectStats, putSync } from '../test/support/bench.ts';
import { createDatabase } from '../test/support/database.ts';
import { startCluster } from './support/cluster.ts';
import { createCustomers, fillCustomers, spoilCustomers } from './support/customers.ts';
import { say } from './support/measure.ts';
import type { BenchOptions } from './support/options.ts';
import { cpuSeconds } from './support/proc.ts';
import { writeResults } from './support/results.ts';
import { startSluice } from './support/sluice.ts';

/** A first load of which the destination refuses some rows. */
export interface Refused {
  readonly round: number;
  /** Rows that it refuses. */
  readonly refused: number;
  readonly seconds: number;
  /** CPU seconds of both databases, the worker, Temporal and the state database. */
  readonly cpu: number;
}

/** The cost of bad rows. */
export interface RefusedResults {
  readonly rows: number;
  readonly loads: readonly Refused[];
}

/** Rows between two that are refused: none, 0.1 and 5 %. */
const gaps = [Number.MAX_SAFE_INTEGER, 1000, 20];

/** Bench 1's first load into a table that refuses some of the rows by a CHECK; a wrong count fails it. */
export async function benchRefused(options: BenchOptions): Promise<void> {
  const rows = options.rows ?? 100_000;
  const cluster = await startCluster();
  const sluice = await startSluice();
  try {
    const { stack } = sluice;
    const [source, destination] = [await createDatabase('source'), await createDatabase('picky')];
    await stack.client.connections.put('source', { type: 'postgres', url: source.url });
    await stack.client.connections.put('picky', { type: 'postgres', url: destination.url });
    const end = { stream: 'public.customers', key: 'id' };
    await putSync(stack, 'picky', {
      source: { ...end, connection: 'source' },
      destination: { ...end, connection: 'picky' },
      mode: 'upsert',
    });
    const loads: Refused[] = [];
    for (let round = 0; round < options.rounds; round++)
      for (const gap of gaps) {
        await fillCustomers(source, rows);
        const refused = await spoilCustomers(source, gap);
        await createCustomers(destination, `plan <> 'bad'`);
        await cluster.checkpoint();
        const before = cpuSeconds(cluster.pid);
        const { seconds, run, cpu } = await sluice.run('picky');
        const databases = cpuSeconds(cluster.pid) - before;
        expectStats(run, { imported: rows, created: rows - refused, errors: refused });
        const parts = Object.values(cpu).reduce((sum, part) => sum + part, databases);
        loads.push({ round, refused, seconds, cpu: parts });
        say(`${refused} of ${rows} refused: ${seconds.toFixed(2)} s, ${parts.toFixed(2)} s CPU`);
        writeResults('refused', { rows, loads } satisfies RefusedResults, cluster.version);
      }
  } finally {
    await sluice.close();
    await cluster.stop();
  }
}
