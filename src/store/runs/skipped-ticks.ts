import { sql } from 'kysely';
import type { Database } from '../database/database.ts';

/** The ticks of schedules that started no run, since one was open. */
export class SkippedTicks {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Notes one of a sync, with the run that was open. */
  async add(sync: string): Promise<void> {
    await sql`insert into skipped_ticks (sync, open_run) values (${sync},
      (select id from runs where sync = ${sync} and finished_at is null order by started_at limit 1))`.execute(
      this.#db,
    );
  }

  /** Counts those of a sync; `last` is null without any. */
  async of(sync: string): Promise<{ count: number; last: Date | null }> {
    const { count, last } = await this.#db
      .selectFrom('skipped_ticks')
      .select(({ fn }) => [fn.countAll<string>().as('count'), fn.max<Date | null>('at').as('last')])
      .where('sync', '=', sync)
      .executeTakeFirstOrThrow();
    return { count: Number(count), last };
  }
}
