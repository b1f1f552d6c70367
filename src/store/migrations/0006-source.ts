import { type Kysely, type Migration, sql } from 'kysely';

const statements = [
  // What the sync's watermark becomes: below `until` where records may still come late.
  `alter table runs add column settled bytea`,
  // The highest watermark that a read has met, with its last chunk.
  `alter table chunks add column highest bytea`,
  // The same of the run before, which becomes the watermark one run later.
  `alter table watermarks alter column value drop not null, add column seen bytea`,
];

/** Watermarks of sources whose records may come late, or that cannot tell their highest one beforehand. */
export const source: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await sql.raw(statement).execute(db);
  },
};
