import { type Kysely, type Migration, sql } from 'kysely';

/** Counts of long windows, such as a day's quota. The table is logged, unlike `quotas`: a day's count is not learned again. */
export const longWindows: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql`create table long_windows (
      connection text primary key, version bigint not null default 0, state jsonb not null)
      with (fillfactor = 10)`.execute(db);
  },
};
