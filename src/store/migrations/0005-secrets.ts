import { type Kysely, type Migration, sql } from 'kysely';

/** What was in the clear gets the mark that `open` knows (key id 0), and is sealed when the first process starts. */
const sealable = (table: string, column: string): string =>
  `alter table ${table} alter column ${column} type bytea
     using '\\x00000000'::bytea || convert_to(${column}::text, 'UTF8')`;

const statements = [
  `create table hash_key (one boolean primary key default true check (one), sealed bytea not null)`,
  `alter table record_errors add column content bytea`,
  `update record_errors set content = '\\x00000000'::bytea ||
     convert_to(jsonb_build_object('key', key, 'message', message)::text, 'UTF8')`,
  `alter table record_errors alter column content set not null, drop column key, drop column message`,
  sealable('ledger', 'key'),
  sealable('ledger', 'record_id'),
  sealable('watermarks', 'value'),
  sealable('journal', 'outcome'),
  sealable('chunks', 'cursor'),
  sealable('runs', 'since'),
  sealable('runs', 'until'),
  sealable('runs', 'watermark'),
];

/** Seals whatever may hold a record's values; a key of its own for the hashes. */
export const secrets: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of statements) await sql.raw(statement).execute(db);
  },
};
