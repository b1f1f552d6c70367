import { type Kysely, type Migration, sql } from 'kysely';

const statements = [
  // `origin`: the first of a chain of runs that continue each other. `start_…`: where a run that continues one begins.
  // `tidied_at`: nothing of the run is left in the destination, and its stats are final.
  `alter table runs add column origin text, add column start_cursor bytea, add column start_done boolean,
     add column opened_at timestamptz, add column tidied_at timestamptz`,
  `update runs set opened_at = started_at where kind is not null`,
  `update runs set tidied_at = finished_at where finished_at is not null`,
  `create index runs_untidied on runs (sync) where tidied_at is null`,
  // What a dry run found, sealed; one row a chunk.
  `create table previews (
     run text not null references runs on delete cascade, no int not null, data bytea not null,
     at timestamptz not null default now(), primary key (run, no))`,
];

/** Continued runs, tidying up after runs that ended early, previews of dry runs. */
export const steer: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await sql.raw(statement).execute(db);
  },
};
