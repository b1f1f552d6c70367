import { type Kysely, type Migration, sql } from 'kysely';

const statements = [
  // Cycles that are open keep their chunks under numbers that mean nothing any more: they are read again.
  `delete from chunks c using runs r where r.id = c.run and r.entity is not null and r.finished_at is null`,
  `alter table staged drop constraint staged_run_no_fkey, add foreign key (run) references runs on delete cascade`,
  `alter table journal drop constraint journal_run_no_fkey, add foreign key (run) references runs on delete cascade`,
  `alter table record_errors drop constraint record_errors_run_no_fkey, add column reading text not null default '',
     add foreign key (run) references runs on delete cascade`,
  // '' is a sync's own run.
  `alter table chunks drop constraint chunks_pkey, add column reading text not null default '',
     add primary key (run, reading, no)`,
  `create table passes (
     run text not null references runs on delete cascade, source text not null, reading text not null,
     position bytea, primary key (run, source, reading))`,
  `alter table previews drop constraint previews_pkey, add column step text not null default 'chunk',
     add primary key (run, step, no)`,
  `delete from previews where no < 0`,
];

/** The chunks of a cycle are numbered by what they were read from. */
export const readings: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await sql.raw(statement).execute(db);
  },
};
