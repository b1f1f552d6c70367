import { type RawBuilder, sql } from 'kysely';
import type { RecordChange, RecordId } from '../../model/golden-record.ts';
import type { Blobs } from '../sealing/blobs.ts';
import type { Database } from '../database/database.ts';
import type { Seal } from '../sealing/seal.ts';
import type { EntityRef } from './entity-ref.ts';
import { rowsOf } from '../database/rows-of.ts';

/** Most candidates of a match key that are looked at: more would be a rule that matches everything. */
export const mostCandidates = 100;

/** A match key and a record that has it. */
type Keyed = readonly [key: string, record: RecordId];

/** Changes of keys, ready to be made. */
export interface KeyChanges {
  readonly removed: RawBuilder<unknown> | null;
  /** Keys of new records: none of them is stored yet. */
  readonly fresh: RawBuilder<unknown> | null;
  readonly added: RawBuilder<unknown> | null;
  /** Keys of `fresh` and `added` that other records may have too. */
  readonly shared: RawBuilder<unknown> | null;
}

/** The index of match keys, kept as keyed hashes: which live records have a key. */
export class MatchKeys {
  readonly #db: Database;
  readonly #seal: Seal;

  constructor(db: Database, seal: Seal) {
    this.#db = db;
    this.#seal = seal;
  }

  /** The live records that have these match keys, at most `most` for each, the oldest. Default: 100. */
  async find(
    { no }: EntityRef,
    keys: readonly string[],
    most = mostCandidates,
  ): Promise<Map<string, RecordId[]>> {
    const found = new Map<string, RecordId[]>();
    if (keys.length === 0) return found;
    const { rows } = await sql<{ at: number; record: string }>`
      select h.at, k.record from ${rowsOf({ hash: this.#hashes(no, keys) })} h cross join lateral (
        select record from entity_keys where hash = h.hash
        order by record limit ${most}) k`.execute(this.#db);
    for (const { at, record } of rows) {
      const key = keys[at - 1] ?? '';
      const records = found.get(key);
      if (records === undefined) found.set(key, [record]);
      else records.push(record);
    }
    return found;
  }

  /**
   * Makes changes of keys ready for {@link insertFresh} and {@link change}.
   * @param mayShare whether a key that a record has got may be another's too. Default: any may
   */
  prepare(
    { no }: EntityRef,
    records: readonly RecordChange[],
    mayShare: (key: string) => boolean = () => true,
  ): KeyChanges {
    const removed: Keyed[] = [];
    const fresh: Keyed[] = [];
    const added: Keyed[] = [];
    const shared: Keyed[] = [];
    for (const { record, created, addedKeys, removedKeys } of records) {
      for (const key of removedKeys) removed.push([key, record.id]);
      for (const key of addedKeys) {
        (created ? fresh : added).push([key, record.id]);
        if (mayShare(key)) shared.push([key, record.id]);
      }
    }
    return {
      removed: this.#keyed(no, removed),
      fresh: this.#keyed(no, fresh),
      added: this.#keyed(no, added),
      shared: this.#keyed(no, shared),
    };
  }

  /** The statement that adds the keys of new records; in the index's order, which touches each of its pages once. */
  insertFresh({ no }: EntityRef, fresh: RawBuilder<unknown>): RawBuilder<unknown> {
    return sql`insert into entity_keys (entity, hash, record)
      select ${no}, h.hash, h.record from ${fresh} h order by h.hash`;
  }

  /** Changes the keys of records that were there. */
  async change(entity: EntityRef, { removed, added }: KeyChanges, tx: Database): Promise<void> {
    if (removed !== null) {
      await sql`delete from entity_keys k using ${removed} h
        where k.hash = h.hash and k.record = h.record`.execute(tx);
    }
    if (added !== null) await this.#addKeys(entity, added, tx);
  }

  /** The records that have got a key which others have too. */
  async shared({ shared }: KeyChanges, tx: Database): Promise<RecordId[]> {
    if (shared === null) return [];
    const { rows } = await sql<{ record: string }>`
      select distinct h.record from ${shared} h where exists (
        select from entity_keys k where k.hash = h.hash and k.record <> h.record)`.execute(tx);
    return rows.map(({ record }) => record);
  }

  /** Empties the index. */
  async clear({ no }: EntityRef): Promise<void> {
    await this.#db.deleteFrom('entity_keys').where('entity', '=', no).execute();
  }

  /** Adds to the index. */
  async add(entity: EntityRef, keyed: readonly Keyed[]): Promise<void> {
    const rows = this.#keyed(entity.no, keyed);
    if (rows !== null) await this.#addKeys(entity, rows, this.#db);
  }

  async #addKeys(entity: EntityRef, keys: RawBuilder<unknown>, db: Database): Promise<void> {
    await sql`${this.insertFresh(entity, keys)} on conflict do nothing`.execute(db);
  }

  #keyed(no: number, keyed: readonly Keyed[]): RawBuilder<unknown> | null {
    if (keyed.length === 0) return null;
    return rowsOf({
      hash: this.#hashes(
        no,
        keyed.map(([key]) => key),
      ),
      record: { type: 'bigint', values: keyed.map(([, record]) => record) },
    });
  }

  #hashes(no: number, keys: readonly string[]): Blobs {
    return this.#seal.hashAll(keys.map((key) => `${no}\0${key}`));
  }
}
