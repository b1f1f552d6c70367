import { type Kysely, type Migration, sql } from 'kysely';

const statements = [
  `alter table syncs add column entity text`,
  // A cycle is a run whose `entity` is set, `entity_spec` as it was when the cycle opened; the runs of its destinations name it as their parent.
  `alter table runs alter column mode drop not null, alter column spec drop not null,
     add column entity text, add column entity_spec json, add column parent text, add column more boolean`,
  `alter table chunks add column counts jsonb`,
  `create index runs_by_parent on runs (parent) where parent is not null`,
  // JSON keeps the order of sources and fields. `no` is the entity in all tables below, `cycle` the number of completed cycles, `rules` what `entity_keys` holds.
  `create table entities (
     id text primary key, no int not null generated always as identity unique, spec json not null,
     cycle bigint not null default 0, completed_by text, rules text, merges text, updated_at timestamptz not null default now())`,
  // Processes take ids a thousand at a time.
  `create sequence entity_record_id increment by 1000`,
  `create sequence entity_change`,
  // Ids and hashes are those of one entity only: indexes that are looked into by them do not begin with the entity, so that
  // no planner that has not met an entity yet can take one of them for all that it holds.
  // `data` and the other bytea columns are sealed or, where the entity is not encrypted, begin with four zero bytes. `changed_at` is the time of `seq`, `remade` how many of its ids have gone.
  `create table entity_records (
     entity int not null, id bigint primary key, seq bigint not null, cycle bigint not null, data bytea not null,
     created_at timestamptz not null, updated_at timestamptz not null, changed_at timestamptz not null default now(),
     remade int not null default 0, deleted boolean not null default false,
     merged_into bigint, merge_due boolean not null default false)`,
  `create index entity_records_by_change on entity_records (entity, seq)`,
  `create index entity_records_to_merge on entity_records (entity, id) where merge_due`,
  // `extra`: a merge brought it to a record that had an id in this system already.
  `create table entity_ids (
     entity int not null, hash bytea primary key, system text not null, record bigint not null, data bytea not null,
     extra boolean not null default false)`,
  `create index entity_ids_extra on entity_ids (entity, system) where extra`,
  `create index entity_ids_by_record on entity_ids (record)`,
  `create table entity_keys (
     entity int not null, hash bytea not null, record bigint not null, primary key (hash, record))`,
  `create table entity_log (
     entity int not null, record bigint not null, cycle bigint not null, run text not null, operation text not null,
     data bytea not null, at timestamptz not null, primary key (record, cycle))`,
  // Entries come in the order of cycles.
  `create index entity_log_by_cycle on entity_log using brin (cycle)`,
  `create table entity_positions (
     entity int not null, source text not null, fingerprint text not null, position bytea not null, run text not null,
     primary key (entity, source))`,
  `create table entity_seen (
     run text not null references runs on delete cascade, source text not null, hash bytea not null,
     primary key (run, source, hash))`,
  `create table entity_groups (
     entity int not null, cycle bigint not null, records bigint[] not null, reason text not null,
     at timestamptz not null default now(), primary key (entity, records))`,
];

/** Entities: unified records, which source record belongs to which, their match keys and their transaction log. */
export const entities: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await sql.raw(statement).execute(db);
  },
};
