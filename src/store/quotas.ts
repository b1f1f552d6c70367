import { sql } from 'kysely';
import type { Database } from './database/database.ts';

/** The result of a decision about a quota, and the time for which it was made. */
export interface Decided<R> {
  readonly result: R;
  /** The database's clock, in milliseconds; it was read between `from` and `to` of this process's `performance.now()`. */
  readonly clock: { readonly at: number; readonly from: number; readonly to: number };
}

/**
 * The two states of a quota: `pace` is slots, permits and pauses, which are learned again within seconds when a crash of
 * the database takes them; `long` is the counts of long windows, which must not be lost.
 */
export type QuotaKind = 'pace' | 'long';

const tables = { pace: sql.table('quotas'), long: sql.table('long_windows') };

interface Row {
  readonly version: string;
  readonly state: unknown;
}

/** The quotas of connections, shared by all workers: one row a connection and kind, its state as JSON. */
export class Quotas {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /**
   * Changes a connection's state by a pure decision. The row is not locked meanwhile, so that a worker that stalls
   * holds up nobody: where another was faster, the decision is made again.
   * @param decide is given the state (null: none yet) and the database's time in milliseconds
   * @param kind which state. Default `pace`
   */
  async change<S, R>(
    connection: string,
    decide: (state: S | null, now: number) => { state: S; result: R },
    kind: QuotaKind = 'pace',
  ): Promise<Decided<R>> {
    for (;;) {
      const { row, clock } = await this.#read(connection, kind);
      const { state, result } = decide((row?.state ?? null) as S | null, clock.at);
      if (await this.#write(connection, kind, row, JSON.stringify(state))) return { result, clock };
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
    }
  }

  async #read(
    connection: string,
    kind: QuotaKind,
  ): Promise<{ row: Row | null; clock: Decided<unknown>['clock'] }> {
    const from = performance.now();
    const { rows } = await sql<{ now: number; version: string | null; state: unknown }>`
      select extract(epoch from clock_timestamp())::float8 * 1000 as now, q.version, q.state
      from (select 1) one left join ${tables[kind]} q on q.connection = ${connection}`.execute(
      this.#db,
    );
    const [first] = rows;
    const clock = { at: first?.now ?? 0, from, to: performance.now() };
    const row =
      first === undefined || first.version === null
        ? null
        : { version: first.version, state: first.state };
    return { row, clock };
  }

  async #write(
    connection: string,
    kind: QuotaKind,
    before: Row | null,
    state: string,
  ): Promise<boolean> {
    const table = tables[kind];
    const written =
      before === null
        ? sql`insert into ${table} (connection, state) values (${connection}, ${state})
            on conflict do nothing returning 1`
        : sql`update ${table} set state = ${state}, version = version + 1
            where connection = ${connection} and version = ${before.version} returning 1`;
    return (await written.execute(this.#db)).rows.length > 0;
  }
}
