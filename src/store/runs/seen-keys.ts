import { sql } from 'kysely';
import type { Database } from '../database/database.ts';

/** The keyed hashes of the keys that a mirror has met, by which it knows what its source lacks (R7). */
export class SeenKeys {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Notes keys, as a part of the transaction that commits their chunk. */
  async put(tx: Database, run: string, hashes: readonly Buffer[]): Promise<void> {
    await sql`insert into seen_keys (run, key_hash) select ${seenBy(run)}, unnest(${hashes}::bytea[])
      on conflict do nothing`.execute(tx);
  }

  /** Filters keys: returns the ones that no chunk of the run held, as hexadecimal text. */
  async unseen(run: string, hashes: readonly Buffer[]): Promise<Set<string>> {
    const { rows } = await sql<{ hash: string }>`
      select encode(h, 'hex') as hash from unnest(${hashes}::bytea[]) h
      where not exists (
        select 1 from seen_keys s where s.run = ${seenBy(run)} and s.key_hash = h)`.execute(
      this.#db,
    );
    return new Set(rows.map(({ hash }) => hash));
  }
}

/** The run under whose name keys are kept: the first of those that continue each other. */
export function seenBy(run: string) {
  return sql`(select coalesce(r.origin, r.id) from runs r where r.id = ${run})`;
}
