import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunView } from '../src/api/views/run-view.ts';
import { expectStats, putSync } from '../test/support/bench.ts';
import { createDatabase, type Database } from '../test/support/database.ts';
import { startCluster } from './support/cluster.ts';
import { createCustomers, digest, fillCustomers, touchCustomers } from './support/customers.ts';
import { runLimit } from './support/limit.ts';
import { say } from './support/measure.ts';
import type { BenchOptions } from './support/options.ts';
import { writeResults } from './support/results.ts';
import { startSluice, type Sluice } from './support/sluice.ts';

/** The cost of a rerun. */
export interface Rerun {
  /** Share of the source's rows that had changed, 0 to 1. */
  readonly share: number;
  /** `limit`: psql, everything; `full`: Sluice, everything; `incremental`: Sluice, by watermark. */
  readonly how: 'limit' | 'full' | 'incremental';
  readonly seconds: number;
  /** Rows of the destination table that were written. */
  readonly written: number;
  /** MiB of write-ahead log of the destination's server. */
  readonly wal: number;
}

/** Results of bench 4. */
export interface UnchangedResults {
  readonly rows: number;
  readonly reruns: readonly Rerun[];
}

/** Rows between two that change: none, 0.1, 1, 10, 50 and 100 %. */
const gaps = [Number.MAX_SAFE_INTEGER, 1000, 100, 10, 2, 1];

/** Bench 4: what a rerun costs as the share of changed rows grows. */
export async function benchUnchanged(options: BenchOptions): Promise<void> {
  const rows = options.rows ?? 1_000_000;
  const cluster = await startCluster();
  const sluice = await startSluice();
  try {
    const source = await createDatabase('source');
    await fillCustomers(source, rows);
    const ways = await openWays(source, sluice);
    for (const { run, destination } of ways) {
      await createCustomers(destination);
      await run({ imported: rows, created: rows });
      await destination.query('VACUUM ANALYZE');
    }
    const reruns: Rerun[] = [];
    for (const [step, gap] of gaps.entries()) {
      const since = await source.value('SELECT max(updated_at) FROM public.customers');
      const changed = await touchCustomers(source, gap, step);
      const sql = `SELECT count(*) FROM public.customers WHERE updated_at >= '${since}'`;
      const read = Number(await source.value(sql));
      const wanted = await digest(source);
      for (const way of ways) {
        await cluster.checkpoint();
        const cost = await costOf(way, { rows, read, changed });
        assert.equal(await digest(way.destination), wanted, `${way.how}: wrong table`);
        reruns.push({ share: changed / rows, how: way.how, ...cost });
        say(
          `${changed} changed, ${way.how}: ${cost.seconds.toFixed(2)} s, ${cost.written} written`,
        );
        await way.destination.query('VACUUM ANALYZE');
      }
      writeResults('unchanged', { rows, reruns } satisfies UnchangedResults, cluster.version);
    }
  } finally {
    await sluice.close();
    await cluster.stop();
  }
}

interface Way {
  readonly how: Rerun['how'];
  readonly destination: Database;
  /** Runs it; returns seconds. */
  run(expected: Partial<RunView['stats']>): Promise<number>;
}

async function openWays(source: Database, sluice: Sluice): Promise<Way[]> {
  const { stack } = sluice;
  await stack.client.connections.put('source', { type: 'postgres', url: source.url });
  const open = async (how: Rerun['how'], watermark: object): Promise<Way> => {
    const destination = await createDatabase(how);
    await stack.client.connections.put(how, { type: 'postgres', url: destination.url });
    const end = { stream: 'public.customers', key: 'id' };
    await putSync(stack, how, {
      source: { ...end, connection: 'source', ...watermark },
      destination: { ...end, connection: how },
      mode: 'upsert',
    });
    return {
      how,
      destination,
      run: async (expected) => {
        const { seconds, run } = await sluice.run(how);
        expectStats(run, expected);
        return seconds;
      },
    };
  };
  const limit = await createDatabase('limit');
  return [
    { how: 'limit', destination: limit, run: () => runLimit(source, limit) },
    await open('full', {}),
    await open('incremental', { watermark: 'updated_at' }),
  ];
}

async function costOf(
  { how, destination, run }: Way,
  { rows, read, changed }: { rows: number; read: number; changed: number },
): Promise<Pick<Rerun, 'seconds' | 'written' | 'wal'>> {
  const before = await writesOf(destination);
  const imported = how === 'incremental' ? read : rows;
  const seconds = await run({ imported, updated: changed, unchanged: imported - changed });
  const after = await writesOf(destination);
  return {
    seconds,
    written: after.written - before.written,
    wal: (after.bytes - before.bytes) / 2 ** 20,
  };
}

async function writesOf(db: Database): Promise<{ written: number; bytes: number }> {
  // Postgres publishes what an idle session has counted after a second.
  await sleep(1500);
  const [row] = await db.query(`SELECT n_tup_ins + n_tup_upd + n_tup_del AS written,
      pg_current_wal_insert_lsn() - '0/0'::pg_lsn AS bytes
    FROM pg_stat_user_tables WHERE schemaname = 'public' AND relname = 'customers'`);
  return { written: Number(row?.['written']), bytes: Number(row?.['bytes']) };
}
