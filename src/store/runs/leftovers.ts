import { sql } from 'kysely';
import type { Database } from '../database/database.ts';
import { finalToken } from './fencing.ts';

/** A run that ended early and whose remains have not been tidied. */
export interface UntidyRun {
  readonly id: string;
  readonly origin: string;
  /** True where its workflow is gone, and nobody has noted the run's end. */
  readonly open: boolean;
}

/** The failure of a cancelled run whose destination could not be asked what it had applied. */
export const unsettled = 'unsettled';

/** The remains of runs that ended early: at destinations, and in the state database. */
export class Leftovers {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** The earlier runs of the same sync that ended early and were not tidied up, oldest first. */
  async before(run: string): Promise<UntidyRun[]> {
    const { rows } = await sql<UntidyRun>`
      select d.id, coalesce(d.origin, d.id) as origin, d.finished_at is null as open
      from runs r join runs d on d.sync = r.sync and d.started_at < r.started_at
      where r.id = ${run} and d.tidied_at is null and d.opened_at is not null order by d.started_at`.execute(
      this.#db,
    );
    return rows;
  }

  /**
   * The other cycles of the same entity that have begun, and whose end nobody has noted or whose chunks may still be
   * committed.
   */
  async deadCycles(run: string): Promise<string[]> {
    const { rows } = await sql<{ id: string }>`
      select d.id from runs r join runs d on d.entity = r.entity and d.id <> r.id
      where r.id = ${run} and r.finished_at is null and d.status not in ('pending', 'completed')
        and (d.finished_at is null
          or exists (select from chunks c where c.run = d.id and c.token < ${finalToken}))`.execute(
      this.#db,
    );
    return rows.map(({ id }) => id);
  }

  /** Notes that nothing of the run is left anywhere, and that its stats are final. */
  async tidied(run: string): Promise<void> {
    await sql`update runs set tidied_at = now(),
      failure = case when failure->>'code' = ${unsettled} then null else failure end
      where id = ${run}`.execute(this.#db);
  }

  /** Notes the same of all runs of the chain that this run continues. */
  async chainTidied(run: string): Promise<void> {
    await sql`update runs d set tidied_at = now() from runs r
      where r.id = ${run} and d.sync = r.sync
        and coalesce(d.origin, d.id) = coalesce(r.origin, r.id) and d.finished_at is not null`.execute(
      this.#db,
    );
  }
}
