import { sql } from 'kysely';
import type { Database } from './database/database.ts';

/** The result of a decision about a quota, and its time. */
export interface Decided<R> {
  readonly result: R;
  /** The database's clock, in milliseconds; it was read between `from` and `to` of this process's `performance.now()`. */
  readonly clock: { readonly at: number; readonly from: number; readonly to: number };
}

/** The quotas of connections, shared by all workers: one row a connection, its state as JSON. */
export class Quotas {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /**
   * Changes a connection's state by a pure decision. The row is not locked meanwhile, so that a worker that stalls
   * holds up nobody: where another was faster, the decision is made again.
   * @param decide is given the state (null: none yet) and the database's time in milliseconds
   */
  async change<S, R>(
    connection: string,
    decide: (state: S | null, now: number) => { state: S; result: R },
  ): Promise<Decided<R>> {
    for (;;) {
      const { row, clock } = await this.#read(connection);
      const { state, result } = decide((row?.state ?? null) as S | null, clock.at);
      if (await this.#write(connection, row?.version ?? null, JSON.stringify(state)))
        return { result, clock };
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
    }
  }

  async #read(connection: string) {
    const from = performance.now();
    const { rows } = await sql<{ now: number; version: string | null; state: unknown }>`
      select extract(epoch from clock_timestamp())::float8 * 1000 as now, q.version, q.state
      from (select 1) one left join quotas q on q.connection = ${connection}`.execute(this.#db);
    const [first] = rows;
    const clock = { at: first?.now ?? 0, from, to: performance.now() };
    const row =
      first === undefined || first.version === null
        ? null
        : { version: first.version, state: first.state };
    return { row, clock };
  }

  async #write(connection: string, version: string | null, state: string): Promise<boolean> {
    const written =
      version === null
        ? sql`insert into quotas (connection, state) values (${connection}, ${state})
            on conflict do nothing returning 1`
        : sql`update quotas set state = ${state}, version = version + 1
            where connection = ${connection} and version = ${version} returning 1`;
    return (await written.execute(this.#db)).rows.length > 0;
  }
}
