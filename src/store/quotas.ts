import { sql } from 'kysely';
import type { Database } from './database.ts';

/** The quotas of connections, shared by all workers: one row a connection. */
export class Quotas {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Makes sure that the connection has its row. */
  async register(connection: string): Promise<void> {
    await sql`insert into quotas (connection) values (${connection}) on conflict do nothing`.execute(
      this.#db,
    );
  }

  /**
   * Takes the next free slot of a registered connection that allows a call every `intervalMs` (a generic cell rate
   * algorithm with a burst of one), if it comes within `maxWaitMs`. Returns the wait for it in milliseconds.
   */
  async reserve(
    connection: string,
    intervalMs: number,
    maxWaitMs: number,
  ): Promise<{ waitMs: number; taken: boolean }> {
    const { rows } = await sql<{ waitMs: number; taken: boolean }>`
      with q as (
        select greatest(next_at, blocked_until, clock_timestamp()) as slot from quotas
        where connection = ${connection} for update),
      taken as (
        update quotas set next_at = q.slot + ${intervalMs}::float8 * interval '1 ms' from q
        where connection = ${connection} and q.slot <= clock_timestamp() + ${maxWaitMs}::float8 * interval '1 ms'
        returning 1)
      select extract(epoch from slot - clock_timestamp())::float8 * 1000 as "waitMs",
        exists (select 1 from taken) as taken from q`.execute(this.#db);
    return rows[0] ?? { waitMs: 0, taken: true };
  }

  /** Nobody calls before then. */
  async block(connection: string, ms: number): Promise<void> {
    await sql`insert into quotas as q (connection, blocked_until)
      values (${connection}, clock_timestamp() + ${ms} * interval '1 ms')
      on conflict (connection) do update set blocked_until = greatest(q.blocked_until, excluded.blocked_until)`.execute(
      this.#db,
    );
  }
}
