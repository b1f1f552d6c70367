import { sql, type Selectable } from 'kysely';
import type { KeyValues } from '../../model/record.ts';
import { seenBy } from './seen-keys.ts';
import type { Database } from '../database/database.ts';
import type { Schema } from '../database/schema.ts';
import { rowsOf } from '../database/rows-of.ts';
import type { Seal } from '../sealing/seal.ts';

/** The record that a sync has written under one key: the keyed hash of its values and the destination's id (R4). */
export interface LedgerEntry {
  readonly keyHash: Buffer;
  readonly key: KeyValues;
  readonly recordId: string | null;
  readonly valueHash: Buffer | null;
}

/** The ledgers of syncs whose destination cannot be read, or whose removals are `tracked`. Keys and ids are sealed. */
export class Ledger {
  readonly #db: Database;
  readonly #seal: Seal;

  constructor(db: Database, seal: Seal) {
    this.#db = db;
    this.#seal = seal;
  }

  async find(sync: string, hashes: readonly Buffer[]): Promise<Map<string, LedgerEntry>> {
    if (hashes.length === 0) return new Map();
    const { rows } =
      await sql<Row>`select l.* from ${rowsOf({ hash: hashes })} h cross join lateral (
      select key_hash, key, record_id, value_hash from ledger
      where sync = ${sync} and key_hash = h.hash limit 1) l`.execute(this.#db);
    return new Map(rows.map((row) => [row.key_hash.toString('hex'), this.#toEntry(row)]));
  }

  /**
   * Only for records that the destination has accepted (R4); their keys differ.
   * @param db the transaction to be a part of
   */
  async put(sync: string, entries: readonly LedgerEntry[], db: Database = this.#db): Promise<void> {
    if (entries.length === 0) return;
    const rows = rowsOf({
      key_hash: entries.map(({ keyHash }) => keyHash),
      key: this.#seal.sealAll(entries.map(({ key }) => JSON.stringify(key))),
      record_id: this.#seal.sealAll(entries.map(({ recordId }) => recordId)),
      value_hash: entries.map(({ valueHash }) => valueHash),
    });
    await sql`insert into ledger (sync, key_hash, key, record_id, value_hash)
      select ${sync}, e.key_hash, e.key, e.record_id, e.value_hash from ${rows} e
      on conflict (sync, key_hash) do update set key = excluded.key, value_hash = excluded.value_hash,
        record_id = coalesce(excluded.record_id, ledger.record_id)`.execute(db);
  }

  async remove(sync: string, hashes: readonly Buffer[], db: Database = this.#db): Promise<void> {
    if (hashes.length === 0) return;
    await sql`delete from ledger where sync = ${sync} and key_hash = any(${hashes}::bytea[])`.execute(
      db,
    );
  }

  async count(sync: string): Promise<number> {
    const { count } = await this.#db
      .selectFrom('ledger')
      .select(({ fn }) => fn.countAll<string>().as('count'))
      .where('sync', '=', sync)
      .executeTakeFirstOrThrow();
    return Number(count);
  }

  /** The entries whose key no chunk of the run held. */
  async unseen(sync: string, run: string): Promise<LedgerEntry[]> {
    const { rows } = await sql<Row>`select key_hash, key, record_id, value_hash from ledger l
      where sync = ${sync} and not exists (select 1 from seen_keys s where s.run = ${seenBy(run)} and s.key_hash = l.key_hash)
      order by key_hash`.execute(this.#db);
    return rows.map((row) => this.#toEntry(row));
  }

  #toEntry(row: Row): LedgerEntry {
    return {
      keyHash: row.key_hash,
      key: JSON.parse(this.#seal.open(row.key).toString()) as KeyValues,
      recordId: this.#seal.openText(row.record_id),
      valueHash: row.value_hash,
    };
  }
}

type Row = Omit<Selectable<Schema['ledger']>, 'sync'>;
