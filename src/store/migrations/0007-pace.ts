import { type Kysely, type Migration, sql } from 'kysely';

const statements = [
  // When the run was last told to do something else than it does.
  `alter table runs add column steered_at timestamptz`,
  // How long it took to match or to export the chunk, whichever took longer, since its last claim. Milliseconds.
  `alter table chunks add column claimed_at timestamptz, add column took_ms int`,
];

/** Activities that beat rarely, and chunks as large as the destination is fast. */
export const pace: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await sql.raw(statement).execute(db);
  },
};
