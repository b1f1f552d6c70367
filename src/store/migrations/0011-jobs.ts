import { type Kysely, type Migration, sql } from 'kysely';

const statements = [
  `create table jobs (
     run text not null references runs on delete cascade, no int not null, kind text not null, part int not null,
     submission text not null, reference bytea, done boolean not null default false,
     submitted_at timestamptz not null default now(), primary key (run, no, kind, part))`,
  `create table connection_memory (
     connection text not null references connections on delete cascade, name text not null,
     version bigint not null default 1, data bytea not null, primary key (connection, name))`,
];

/** Long jobs at other systems, and what connections remember. */
export const jobs: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await sql.raw(statement).execute(db);
  },
};
