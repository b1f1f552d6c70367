import { type Kysely, type Migration, sql } from 'kysely';

/** What a run has to tell beside its counts. */
export const warnings: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql`alter table runs add column warnings jsonb not null default '[]'`.execute(db);
  },
};
