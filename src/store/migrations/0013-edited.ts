import { type Kysely, type Migration, sql } from 'kysely';

/** Counts records that were left alone because someone edited them at the destination. */
export const edited: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql`alter table chunks add skipped_edited int not null default 0`.execute(db);
  },
};
