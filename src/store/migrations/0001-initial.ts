import { type Kysely, type Migration, sql } from 'kysely';

const statements = [
  `create table connections (
     id text primary key, type text not null, settings bytea not null,
     updated_at timestamptz not null default now())`,
  `create table syncs (
     id text primary key, spec jsonb not null, updated_at timestamptz not null default now())`,
  `create table runs (
     id text primary key, sync text not null, mode text not null, options jsonb not null, spec jsonb not null,
     kind text, since text, until text,
     status text not null default 'pending', phase text not null default 'open', outcome text,
     failure jsonb, removal jsonb, watermark text, waiting_until timestamptz, failing_since timestamptz,
     started_at timestamptz not null default clock_timestamp(), finished_at timestamptz)`,
  `create index runs_newest on runs (started_at desc, id desc)`,
  `create index runs_by_sync on runs (sync, started_at desc, id desc)`,
  // One row a chunk. The counts are absolute, set once by the attempt that owns the token (R5, R6).
  `create table chunks (
     run text not null references runs on delete cascade, no int not null, token bigint not null default 0,
     staged_by bigint not null default 0,
     state text not null default 'claimed', cursor text, last boolean not null default false,
     imported int not null default 0, created int not null default 0, updated int not null default 0,
     unchanged int not null default 0, skipped_mode int not null default 0, skipped_filter int not null default 0,
     skipped_duplicate int not null default 0, removed int not null default 0, errors int not null default 0,
     remove_errors int not null default 0,
     primary key (run, no))`,
  `create table staged (
     run text not null, no int not null, kind text not null, data bytea not null,
     primary key (run, no, kind), foreign key (run, no) references chunks on delete cascade)`,
  `create table journal (
     run text not null, no int not null, seq int not null, outcome jsonb,
     primary key (run, no, seq), foreign key (run, no) references chunks on delete cascade)`,
  `create table record_errors (
     id bigint generated always as identity primary key, run text not null, no int not null,
     key jsonb, operation text not null, code text not null, message text not null, field text,
     retryable boolean not null, foreign key (run, no) references chunks on delete cascade)`,
  `create index record_errors_by_run on record_errors (run, id)`,
  `create table seen_keys (
     run text not null references runs on delete cascade, key_hash bytea not null, primary key (run, key_hash))`,
  `create table ledger (
     sync text not null, key_hash bytea not null, key jsonb not null, record_id text, value_hash bytea,
     primary key (sync, key_hash))`,
  `create table watermarks (
     sync text primary key, fingerprint text not null, value text not null, run text not null,
     updated_at timestamptz not null default now())`,
  `create table quotas (
     connection text primary key, next_at timestamptz not null default '-infinity',
     blocked_until timestamptz not null default '-infinity')`,
  `create table skipped_ticks (
     sync text not null, at timestamptz not null default now(), open_run text)`,
];

/** The first schema. */
export const initial: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await sql.raw(statement).execute(db);
  },
};
