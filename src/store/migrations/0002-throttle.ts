import { type Kysely, type Migration, sql } from 'kysely';

const statements = [
  'drop table quotas',
  // Unlogged: what is forgotten in a crash of the database is learned again within seconds, and no lease waits for a disk.
  `create unlogged table quotas (
     connection text primary key, version bigint not null default 0, state jsonb not null)
     with (fillfactor = 10)`,
];

/** A quota's state is one document that workers change by turns. */
export const throttle: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await sql.raw(statement).execute(db);
  },
};
