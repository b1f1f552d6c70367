import { type Kysely, type Migration, sql } from 'kysely';

/** Sources that cycles went on without, and since when each has not been read. */
export const missing: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql`alter table runs add missing jsonb not null default '[]'`.execute(db);
    await sql`create table entity_missing (
      entity int not null, source text not null, since timestamptz not null, primary key (entity, source))`.execute(
      db,
    );
  },
};
