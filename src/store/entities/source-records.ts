import { sql, type RawBuilder } from 'kysely';
import type { RecordId, SourceRecord, SystemId } from '../../model/golden-record.ts';
import type { Blobs } from '../sealing/blobs.ts';
import type { Database } from '../database/database.ts';
import type { Seal } from '../sealing/seal.ts';
import type { EntityRef } from './entity-ref.ts';
import { idHashes } from './id-hash.ts';
import { listed, rowsOf } from '../database/rows-of.ts';

/** Ids of one record that are looked at. */
const mostIds = 10_000;

type Stored = Omit<SourceRecord, 'system' | 'record'>;

/** A source record as it was loaded. */
export interface LoadedSourceRecord extends SourceRecord {
  /** Another one after every change. */
  readonly version: string;
}

/** Source records ready to be put. */
export interface PreparedSourceRecords {
  readonly fresh: RawBuilder<unknown> | null;
  readonly known: RawBuilder<unknown> | null;
}

/** Source records have changed since they were loaded: they must be loaded and decided on again. */
export class OvertakenError extends Error {
  constructor() {
    super('source records have changed since they were loaded');
    this.name = 'OvertakenError';
  }
}

/** The ID mapping: each record of a system, the unified record that it belongs to, and the values that the system last gave. */
export class SourceRecords {
  readonly #db: Database;
  readonly #seal: Seal;

  constructor(db: Database, seal: Seal) {
    this.#db = db;
    this.#seal = seal;
  }

  /** Finds these records of one system, as far as they are known. */
  async find(
    { no, codec }: EntityRef,
    system: string,
    ids: readonly string[],
  ): Promise<LoadedSourceRecord[]> {
    if (ids.length === 0) return [];
    const hashes = idHashes(
      this.#seal,
      no,
      ids.map((id) => ({ system, id })),
    );
    const { rows } = await sql<{ record: string; version: string; data: Buffer }>`
      select i.record, i.version, i.data from ${rowsOf({ hash: hashes })} h cross join lateral (
        select record, xmin::text as version, data from entity_ids where hash = h.hash limit 1) i`.execute(
      this.#db,
    );
    return rows.map(({ record, version, data }) => ({
      system,
      record,
      version,
      ...(codec.decode(data) as Stored),
    }));
  }

  /**
   * Keeps loaded source records as they are until the transaction ends.
   * @throws OvertakenError where one has changed since, as by a run that noted what it wrote
   */
  async hold(
    { no }: EntityRef,
    loaded: readonly LoadedSourceRecord[],
    tx: Database,
  ): Promise<void> {
    if (loaded.length === 0) return;
    const hashes = this.#hashes(no, loaded);
    const { rows } = await sql<{ at: number; version: string }>`
      select h.at, i.xmin::text as version from ${rowsOf({ hash: hashes })} h
      join entity_ids i on i.hash = h.hash order by i.hash for update of i`.execute(tx);
    const same = rows.filter(({ at, version }) => loaded[at - 1]?.version === version);
    if (same.length < loaded.length) throw new OvertakenError();
  }

  /** All records of systems that belong to these records. */
  async ofRecords(
    { codec }: EntityRef,
    ids: readonly RecordId[],
  ): Promise<Map<RecordId, SourceRecord[]>> {
    const found = new Map<RecordId, SourceRecord[]>();
    if (ids.length === 0) return found;
    const { rows } = await sql<{ record: string; system: string; data: Buffer }>`
      select x.id as record, i.system, i.data from unnest(${listed(ids)}::bigint[]) x (id) cross join lateral (
        select system, data from entity_ids where record = x.id limit ${mostIds}) i`.execute(
      this.#db,
    );
    for (const { record, system, data } of rows) {
      const one = { system, record, ...(codec.decode(data) as Stored) };
      const all = found.get(record);
      if (all === undefined) found.set(record, [one]);
      else all.push(one);
    }
    return found;
  }

  /** The ids of these records in all systems. */
  async idsOf(entity: EntityRef, ids: readonly RecordId[]): Promise<Map<RecordId, SystemId[]>> {
    const all = await this.ofRecords(entity, ids);
    return new Map(
      [...all].map(([record, of]) => [record, of.map(({ system, id }) => ({ system, id }))]),
    );
  }

  /** Returns those of these records that have an id in one of these systems. */
  async among(ids: readonly RecordId[], systems: readonly string[]): Promise<RecordId[]> {
    if (ids.length === 0 || systems.length === 0) return [];
    const { rows } = await sql<{ record: string }>`
      select distinct record from entity_ids
      where record = any(${listed(ids)}::bigint[]) and system = any(${systems}::text[])`.execute(
      this.#db,
    );
    return rows.map(({ record }) => record);
  }

  /** In which systems these records have ids: cheaper than {@link idsOf}, since a stand-in takes the place of each id. */
  async systemsOf(ids: readonly RecordId[]): Promise<Map<RecordId, SystemId[]>> {
    const found = new Map<RecordId, SystemId[]>();
    if (ids.length === 0) return found;
    const { rows } = await sql<{ record: string; systems: string[] }>`
      select x.id as record, i.systems from unnest(${listed(ids)}::bigint[]) x (id) cross join lateral (
        select array_agg(system) as systems from (
          select system from entity_ids where record = x.id limit ${mostIds}) s) i
      where i.systems is not null`.execute(this.#db);
    for (const { record, systems } of rows)
      found.set(
        record,
        systems.map((system, at) => ({ system, id: `${system} ${at}` })),
      );
    return found;
  }

  /** The record of a system that each of these records is written to there, if it has one. */
  async targets(
    { codec }: EntityRef,
    system: string,
    records: readonly RecordId[],
  ): Promise<Map<RecordId, SourceRecord>> {
    const { rows } = await sql<{ record: string; data: Buffer }>`
      select x.id as record, i.data from unnest(${listed(records)}::bigint[]) x (id) cross join lateral (
        select data from entity_ids where record = x.id and system = ${system}
        order by extra, hash limit 1) i`.execute(this.#db);
    return new Map(
      rows.map(({ record, data }) => [
        record,
        { record, system, ...(codec.decode(data) as Stored) },
      ]),
    );
  }

  /**
   * Makes what is known of records of systems ready for {@link insertFresh} and {@link putRows}.
   * @param isNew whether one is certainly not stored, and put by nobody else. Default: none is
   */
  prepare(
    entity: EntityRef,
    all: readonly SourceRecord[],
    isNew: (record: SourceRecord) => boolean = () => false,
  ): PreparedSourceRecords {
    const fresh: SourceRecord[] = [];
    const known: SourceRecord[] = [];
    for (const record of all) (isNew(record) ? fresh : known).push(record);
    return { fresh: this.#rows(entity, fresh), known: this.#rows(entity, known) };
  }

  #rows({ no, codec }: EntityRef, all: readonly SourceRecord[]): RawBuilder<unknown> | null {
    if (all.length === 0) return null;
    return rowsOf({
      hash: this.#hashes(no, all),
      system: { type: 'text', values: all.map(({ system }) => system) },
      record: { type: 'bigint', values: all.map(({ record }) => record) },
      data: codec.encodeAll(
        all.map(({ id, at, values, refused, edited, made }): Stored => ({
          id,
          at,
          values,
          ...(refused && { refused }),
          ...(edited && { edited }),
          ...(made && { made }),
        })),
      ),
    });
  }

  /** Puts what is known of records of systems. */
  async put(
    entity: EntityRef,
    all: readonly SourceRecord[],
    db: Database = this.#db,
  ): Promise<void> {
    const rows = this.#rows(entity, all);
    if (rows !== null) await this.putRows(entity, rows).execute(db);
  }

  /** The statement that inserts source records of which nothing was known. */
  insertFresh({ no }: EntityRef, fresh: RawBuilder<unknown>): RawBuilder<unknown> {
    return sql`insert into entity_ids (entity, hash, system, record, data)
      select ${no}, r.hash, r.system, r.record, r.data from ${fresh} r order by r.hash`;
  }

  /** The statement that puts source records of which something may be known. */
  putRows(entity: EntityRef, known: RawBuilder<unknown>): RawBuilder<unknown> {
    return sql`${this.insertFresh(entity, known)}
      on conflict (hash) do update set record = excluded.record, data = excluded.data`;
  }

  /**
   * Adds what systems hold now to what is known of their records. An id keeps the record that it has; that of a record
   * which was merged while it was written goes to the winner.
   */
  async noteContributions(
    entity: EntityRef,
    written: readonly SourceRecord[],
    tx: Database,
  ): Promise<void> {
    if (written.length === 0) return;
    const rows = await this.#locked(entity, written, tx);
    const known = new Map(rows.map((row) => [row.at, row]));
    const fresh = written.filter((_, index) => !known.has(index + 1));
    const winners = await this.#winners(
      fresh.map(({ record }) => record),
      tx,
    );
    const moved: SourceRecord[] = [];
    const noted = written.map((one, index): SourceRecord => {
      const before = known.get(index + 1);
      const winner = winners.get(one.record);
      if (before === undefined && winner === undefined) return one;
      if (before === undefined) {
        moved.push(one);
        return { ...one, record: winner ?? one.record };
      }
      const stored = entity.codec.decode(before.data) as Stored;
      const { edited: _read, ...left } = stored;
      const values = { ...stored.values, ...one.values };
      return { ...one, ...left, record: before.record, values };
    });
    await this.put(entity, noted, tx);
    await this.markExtra(entity, moved, tx);
  }

  /** Notes what systems were found to hold when updates were left for the sake of edits there. */
  async noteEdited(
    entity: EntityRef,
    found: readonly (SystemId & Required<Pick<SourceRecord, 'edited'>>)[],
    tx: Database,
  ): Promise<void> {
    if (found.length === 0) return;
    const rows = await this.#locked(entity, found, tx);
    const noted = rows.map(({ at, data, ...row }): SourceRecord => ({
      ...row,
      ...(entity.codec.decode(data) as Stored),
      edited: found[at - 1]?.edited ?? {},
    }));
    await this.put(entity, noted, tx);
  }

  /** Locks what is known of these records until the transaction ends. `at` is the place of each among them, from 1. */
  async #locked({ no }: EntityRef, ids: readonly SystemId[], tx: Database) {
    const { rows } = await sql<{ at: number; system: string; record: string; data: Buffer }>`
      select h.at, i.system, i.record, i.data from ${rowsOf({ hash: this.#hashes(no, ids) })} h
      join entity_ids i on i.hash = h.hash order by i.hash for update of i`.execute(tx);
    return rows;
  }

  /** The records that these were merged into, of those that were; they are not merged before the transaction ends. */
  async #winners(records: readonly RecordId[], tx: Database): Promise<Map<RecordId, RecordId>> {
    const winners = new Map<RecordId, RecordId>();
    for (let left = records; left.length > 0;) {
      const { rows } = await sql<{ id: string; winner: string | null }>`
        select id, merged_into as winner from entity_records
        where id = any(${left}::bigint[]) order by id for share`.execute(tx);
      const next = new Map(
        rows.flatMap(({ id, winner }) => (winner === null ? [] : [[id, winner]])),
      );
      for (const record of records) {
        const winner = next.get(winners.get(record) ?? record);
        if (winner !== undefined) winners.set(record, winner);
      }
      left = [...new Set(next.values())];
    }
    return winners;
  }

  /** Gives records of systems to other unified records; what systems said of them stays. */
  async move(
    { no }: EntityRef,
    all: readonly Pick<SourceRecord, 'system' | 'id' | 'record'>[],
    tx: Database,
  ): Promise<void> {
    if (all.length === 0) return;
    const hashes = this.#hashes(no, all);
    await sql`update entity_ids i set record = h.record from ${rowsOf({ hash: hashes, record: { type: 'bigint', values: all.map(({ record }) => record) } })} h
      where i.hash = h.hash`.execute(tx);
  }

  /** Gives what is left of the losers of merges to their winners: ids that were noted since the losers were loaded. */
  async follow(
    merged: readonly { readonly loser: RecordId; readonly winner: RecordId }[],
    tx: Database,
  ): Promise<void> {
    if (merged.length === 0) return;
    await sql`update entity_ids i set record = m.winner, extra = true
      from unnest(${merged.map(({ loser }) => loser)}::bigint[], ${merged.map(({ winner }) => winner)}::bigint[]) m (loser, winner)
      where i.record = m.loser`.execute(tx);
  }

  /** Forgets records of a system; their unified records are made anew where they are written again. */
  async remove(
    { no }: EntityRef,
    all: readonly SystemId[],
    db: Database = this.#db,
  ): Promise<void> {
    if (all.length === 0) return;
    const hashes = this.#hashes(no, all);
    await sql`with gone as (delete from entity_ids i using ${rowsOf({ hash: hashes })} h
        where i.hash = h.hash returning i.record)
      update entity_records r set remade = r.remade + 1 from (select distinct record from gone) g
      where r.id = g.record`.execute(db);
  }

  /** Notes ids that a merge brought to a record which has one in their system. */
  async markExtra({ no }: EntityRef, ids: readonly SystemId[], tx: Database): Promise<void> {
    if (ids.length === 0) return;
    const hashes = this.#hashes(no, ids);
    await sql`update entity_ids i set extra = true from ${rowsOf({ hash: hashes })} h
      where i.hash = h.hash`.execute(tx);
  }

  #hashes(no: number, ids: readonly SystemId[]): Blobs {
    return idHashes(this.#seal, no, ids);
  }
}
