import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import type { Chance } from './soak.ts';

/** The counts of a mutator. */
export interface Mutations {
  inserted: number;
  updated: number;
  deleted: number;
  /** Transactions that stayed open while others wrote and committed. */
  late: number;
}

/** A writer that changes a table `(id int, v text, at timestamptz)` until told to stop. */
export interface Mutator {
  readonly done: Mutations;
  /** Ends the open transactions, and the work. */
  stop(): Promise<void>;
}

/**
 * Starts three sessions that insert, update and delete without pause, many at the same instant. Every fifth transaction
 * stays open for up to `longestMs` and then commits, with the time at which it began. Every tenth row has the time of
 * an application's clock, up to `lagMs` in the past.
 */
export async function startMutator(
  url: string,
  table: string,
  { random, longestMs, lagMs }: { random: Chance; longestMs: number; lagMs: number },
): Promise<Mutator> {
  const done: Mutations = { inserted: 0, updated: 0, deleted: 0, late: 0 };
  const stopping = new AbortController();
  const clients = [0, 1, 2].map(
    () => new Client({ connectionString: url, options: '-c search_path=public' }),
  );
  await Promise.all(clients.map((client) => client.connect()));
  const sessions = clients.map(work);
  return {
    done,
    async stop() {
      stopping.abort();
      await Promise.all(sessions);
    },
  };

  async function work(client: Client, at: number): Promise<void> {
    // Each session has ids of its own, so that they never wait for each other.
    let next = 1_000_000 * (at + 1);
    while (!stopping.signal.aborted) {
      const late = random.between(0, 5) === 0;
      await client.query('BEGIN');
      for (let step = random.between(0, 8); step >= 0; step -= 1) {
        next += await write(client, at, next);
        if (late) await sleep(random.between(0, longestMs) / 4);
      }
      await client.query('COMMIT');
      if (late) done.late += 1;
      await sleep(random.between(0, 20));
    }
    await client.end();
  }

  async function write(client: Client, at: number, next: number): Promise<number> {
    const time =
      random.between(0, 10) === 0
        ? `clock_timestamp() - interval '${random.between(0, lagMs)} ms'`
        : `date_trunc('milliseconds', now())`;
    const value = String(random.between(0, 1_000_000));
    const choice = random.between(0, 10);
    if (choice < 4) {
      await client.query(`INSERT INTO ${table} VALUES (${next}, '${value}', ${time})`);
      done.inserted += 1;
      return 1;
    }
    const one = `id = (SELECT id FROM ${table} WHERE id >= ${1_000_000 * (at + 1) + random.between(0, 500)}
      AND id < ${1_000_000 * (at + 2)} ORDER BY id LIMIT 1)`;
    if (choice === 4) {
      const { rowCount } = await client.query(`DELETE FROM ${table} WHERE ${one}`);
      done.deleted += rowCount ?? 0;
    } else {
      const { rowCount } = await client.query(
        `UPDATE ${table} SET v = '${value}', at = ${time} WHERE ${one}`,
      );
      done.updated += rowCount ?? 0;
    }
    return 0;
  }
}
