import { sql } from 'kysely';
import type { LogEntry } from '../../model/entity-log.ts';
import type { GoldenRecord, RecordId, SourceRecord } from '../../model/golden-record.ts';
import type { Database } from '../database.ts';
import { faultPoint } from '../../model/fault-point.ts';
import type { Seal } from '../seal.ts';
import { packed } from './packed.ts';
import type { ValueCodec } from './values.ts';

/** The entity whose records are meant, and how its values rest. */
export interface EntityRef {
  readonly no: number;
  readonly codec: ValueCodec;
}

/** A record that a cycle has made, changed or deleted. */
export interface RecordChange {
  readonly record: GoldenRecord;
  readonly created: boolean;
  readonly deleted: boolean;
  readonly mergedInto?: RecordId;
  /** Match keys that it has now and had before. */
  readonly addedKeys: readonly string[];
  readonly removedKeys: readonly string[];
}

/** What one chunk of a cycle changes. */
export interface EntityChanges {
  readonly cycle: number;
  readonly run: string;
  readonly records: readonly RecordChange[];
  readonly sourceRecords: readonly SourceRecord[];
  readonly detached: readonly SystemId[];
  /** Ids that a merge brings to a record that has one in their system. */
  readonly extra?: readonly SystemId[];
  readonly entries: readonly LogEntry[];
}

/** One of the ids that a record has in systems. */
export interface SystemId {
  readonly system: string;
  readonly id: string;
}

/** So many candidates of a match key are looked at: more would be a rule that matches everything. */
const mostCandidates = 100;
/** Ids of one record that are looked at. */
const mostIds = 10_000;
const idBlock = 1000;

type StoredRecord = Omit<GoldenRecord, 'id' | 'createdAt' | 'updatedAt'>;
type StoredSource = Omit<SourceRecord, 'system' | 'record'>;

interface RecordRow {
  id: string;
  data: Buffer;
  created: number;
  updated: number;
}

/**
 * The unified records as cycles use them: found by ids and match keys, changed a chunk at a time. Only the open cycle of
 * an entity changes its records. Look-ups go by index, whatever the planner thinks of tables that just grew.
 */
export class GoldenRecords {
  readonly #db: Database;
  readonly #seal: Seal;
  #nextId = 0;
  #lastId = -1;

  constructor(db: Database, seal: Seal) {
    this.#db = db;
    this.#seal = seal;
  }

  /** New record ids, which no process has used. Ids that are not used are lost. */
  async newIds(count: number): Promise<RecordId[]> {
    const ids: RecordId[] = [];
    while (ids.length < count) {
      if (this.#nextId > this.#lastId) {
        const { rows } = await sql<{ n: string }>`select nextval('entity_record_id') as n`.execute(
          this.#db,
        );
        this.#nextId = Number(rows[0]?.n);
        this.#lastId = this.#nextId + idBlock - 1;
      }
      ids.push(String(this.#nextId++));
    }
    return ids;
  }

  /** What is known of these records of one system. */
  async sourceRecords(
    { no, codec }: EntityRef,
    system: string,
    ids: readonly string[],
  ): Promise<SourceRecord[]> {
    if (ids.length === 0) return [];
    const hashes = ids.map((id) => this.#idHash(no, system, id));
    const { rows } = await sql<{ record: string; data: Buffer }>`
      select i.record, i.data from ${packed(hashes)} h cross join lateral (
        select record, data from entity_ids where entity = ${no} and hash = h.bytes limit 1) i`.execute(
      this.#db,
    );
    return rows.map(({ record, data }) => ({
      system,
      record,
      ...codec.decode<StoredSource>(data),
    }));
  }

  /** The live records that have these match keys, at most `most` for each, the oldest. Default: 100. */
  async byKeys(
    { no }: EntityRef,
    keys: readonly string[],
    most = mostCandidates,
  ): Promise<Map<string, RecordId[]>> {
    const found = new Map<string, RecordId[]>();
    if (keys.length === 0) return found;
    const { rows } = await sql<{ at: number; record: string }>`
      select h.at, k.record from ${packed(keys.map((key) => this.#keyHash(no, key)))} h cross join lateral (
        select record from entity_keys where entity = ${no} and hash = h.bytes
        order by record limit ${most}) k`.execute(this.#db);
    for (const { at, record } of rows) {
      const key = keys[at - 1] ?? '';
      const records = found.get(key);
      if (records === undefined) found.set(key, [record]);
      else records.push(record);
    }
    return found;
  }

  /** The live ones of these records. */
  async records({ no, codec }: EntityRef, ids: readonly RecordId[]): Promise<GoldenRecord[]> {
    if (ids.length === 0) return [];
    const { rows } = await sql<RecordRow>`
      select r.* from unnest(${ids}::bigint[]) x (id) cross join lateral (
        select id, data, ${milliseconds('created_at')} as created, ${milliseconds('updated_at')} as updated
        from entity_records where entity = ${no} and id = x.id and not deleted limit 1) r`.execute(
      this.#db,
    );
    return rows.map(({ id, data, created, updated }) => ({
      id,
      ...codec.decode<StoredRecord>(data),
      createdAt: created,
      updatedAt: updated,
    }));
  }

  /** All records of systems that belong to these records. */
  async sourceRecordsOf(
    { no, codec }: EntityRef,
    ids: readonly RecordId[],
  ): Promise<Map<RecordId, SourceRecord[]>> {
    const found = new Map<RecordId, SourceRecord[]>();
    if (ids.length === 0) return found;
    const { rows } = await sql<{ record: string; system: string; data: Buffer }>`
      select x.id as record, i.system, i.data from unnest(${ids}::bigint[]) x (id) cross join lateral (
        select system, data from entity_ids where entity = ${no} and record = x.id limit ${mostIds}) i`.execute(
      this.#db,
    );
    for (const { record, system, data } of rows) {
      const one = { system, record, ...codec.decode<StoredSource>(data) };
      const all = found.get(record);
      if (all === undefined) found.set(record, [one]);
      else all.push(one);
    }
    return found;
  }

  /** What this cycle has done to these records so far. */
  async entries(
    { no, codec }: EntityRef,
    cycle: number,
    ids: readonly RecordId[],
  ): Promise<Map<RecordId, LogEntry>> {
    if (ids.length === 0) return new Map();
    const { rows } = await sql<{ record: string; operation: LogEntry['operation']; data: Buffer }>`
      select l.record, l.operation, l.data from unnest(${ids}::bigint[]) x (id) cross join lateral (
        select record, operation, data from entity_log
        where entity = ${no} and record = x.id and cycle = ${cycle} limit 1) l`.execute(this.#db);
    return new Map(
      rows.map(({ record, operation, data }) => [
        record,
        { record, operation, ...codec.decode<Omit<LogEntry, 'record' | 'operation'>>(data) },
      ]),
    );
  }

  /** Saves what a chunk changes, as a part of the transaction that commits the chunk. */
  async save(tx: Database, entity: EntityRef, changes: EntityChanges): Promise<void> {
    await this.#putRecords(tx, entity, changes);
    await this.#putKeys(tx, entity, changes.records);
    await this.#putSources(tx, entity, changes);
    await this.#putEntries(tx, entity, changes);
    faultPoint('unify.in-transaction');
  }

  async #putRecords(
    tx: Database,
    { no, codec }: EntityRef,
    { cycle, records }: EntityChanges,
  ): Promise<void> {
    const fresh = records.filter(({ created }) => created);
    const known = records.filter(({ created }) => !created);
    const data = (of: readonly RecordChange[]) =>
      packed(
        of.map(({ record: { values, setBy } }) =>
          codec.encode({ values, setBy } satisfies StoredRecord),
        ),
      );
    if (fresh.length > 0) {
      await sql`insert into entity_records (entity, id, seq, cycle, data, created_at, updated_at, deleted, merged_into)
        select ${no}, r.id, nextval('entity_change'), ${cycle}, d.bytes, ${moment('r.created')}, ${moment('r.updated')}, r.deleted, r.merged
        from ${columns(fresh)} r join ${data(fresh)} d using (at) order by at`.execute(tx);
    }
    if (known.length > 0) {
      await sql`update entity_records e set seq = r.seq, cycle = ${cycle}, data = r.bytes,
          updated_at = ${moment('r.updated')}, deleted = r.deleted, merged_into = r.merged,
          merge_due = e.merge_due and not r.deleted
        from (select r.*, d.bytes, nextval('entity_change') as seq from ${columns(known)} r join ${data(known)} d using (at)
          order by at) r
        where e.entity = ${no} and e.id = r.id`.execute(tx);
    }
  }

  async #putKeys(tx: Database, { no }: EntityRef, records: readonly RecordChange[]): Promise<void> {
    const removed = records.flatMap(({ record, removedKeys }) =>
      removedKeys.map((key) => [key, record.id] as const),
    );
    const added = records.flatMap(({ record, addedKeys }) =>
      addedKeys.map((key) => [key, record.id] as const),
    );
    if (removed.length > 0) {
      await sql`delete from entity_keys k using ${this.#keyed(no, removed)} h
        where k.entity = ${no} and k.hash = h.hash and k.record = h.record`.execute(tx);
    }
    if (added.length > 0) {
      await this.#addKeys(tx, no, added);
      await sql`update entity_records r set merge_due = true
        where r.entity = ${no} and not r.deleted and r.id in (select h.record from ${this.#keyed(no, added)} h
          where exists (select from entity_keys k where k.entity = ${no} and k.hash = h.hash and k.record <> h.record))`.execute(
        tx,
      );
    }
  }

  async #addKeys(
    db: Database,
    no: number,
    pairs: readonly (readonly [string, RecordId])[],
  ): Promise<void> {
    await sql`insert into entity_keys (entity, hash, record)
      select ${no}, h.hash, h.record from ${this.#keyed(no, pairs)} h on conflict do nothing`.execute(
      db,
    );
  }

  #keyed(no: number, pairs: readonly (readonly [string, RecordId])[]) {
    return sql`(select h.bytes as hash, r.record from ${packed(pairs.map(([key]) => this.#keyHash(no, key)))} h
      join unnest(${pairs.map(([, record]) => record)}::bigint[]) with ordinality as r (record, at) using (at))`;
  }

  /** Empties the index of match keys. */
  async dropKeys({ no }: EntityRef): Promise<void> {
    await sql`delete from entity_keys where entity = ${no}`.execute(this.#db);
  }

  /** Adds to the index of match keys. */
  async addKeys({ no }: EntityRef, pairs: readonly (readonly [string, RecordId])[]): Promise<void> {
    if (pairs.length > 0) await this.#addKeys(this.#db, no, pairs);
  }

  /** Live records by id, after `after`. */
  async page(
    { no, codec }: EntityRef,
    after: RecordId,
    limit: number,
  ): Promise<Pick<GoldenRecord, 'id' | 'values'>[]> {
    const { rows } = await sql<{ id: string; data: Buffer }>`
      select id, data from entity_records where entity = ${no} and id > ${after}::bigint and not deleted
      order by id limit ${limit}`.execute(this.#db);
    return rows.map(({ id, data }) => ({ id, values: codec.decode<StoredRecord>(data).values }));
  }

  /** Has every live record compared with the others. */
  async compareAll({ no }: EntityRef): Promise<void> {
    await sql`update entity_records set merge_due = true where entity = ${no} and not deleted and not merge_due`.execute(
      this.#db,
    );
  }

  /** Records that share a match key with others since they were last compared. */
  async toMerge({ no }: EntityRef, limit: number): Promise<RecordId[]> {
    const { rows } = await sql<{ id: string }>`
      select id from entity_records where entity = ${no} and merge_due order by id limit ${limit}`.execute(
      this.#db,
    );
    return rows.map(({ id }) => id);
  }

  /** Notes that these records have been compared. */
  async compared({ no }: EntityRef, ids: readonly RecordId[], tx: Database): Promise<void> {
    await sql`update entity_records set merge_due = false
      where entity = ${no} and id = any(${ids}::bigint[])`.execute(tx);
  }

  /** Notes the ids that a full read of a system has met. */
  async noteSeen(
    { no }: EntityRef,
    run: string,
    system: string,
    ids: readonly string[],
  ): Promise<void> {
    if (ids.length === 0) return;
    await sql`insert into entity_seen (run, source, hash)
      select ${run}, ${system}, h.bytes from ${packed(ids.map((id) => this.#idHash(no, system, id)))} h
      on conflict do nothing`.execute(this.#db);
  }

  /** How many ids of a system a full read has not met, how many there are, and how many it has met. */
  async countUnseen(
    { no }: EntityRef,
    run: string,
    system: string,
  ): Promise<{ unseen: number; of: number; seen: number }> {
    const { rows } = await sql<{ unseen: string; of: string; seen: string }>`
      select count(*) filter (where s.run is null) as unseen, count(*) as of,
        (select count(*) from entity_seen where run = ${run} and source = ${system}) as seen
      from entity_ids i left join entity_seen s on s.run = ${run} and s.source = ${system} and s.hash = i.hash
      where i.entity = ${no} and i.system = ${system}`.execute(this.#db);
    const { unseen = 0, of = 0, seen = 0 } = rows[0] ?? {};
    return { unseen: Number(unseen), of: Number(of), seen: Number(seen) };
  }

  /** Some of the ids of a system that a full read has not met. */
  async unseen(
    { no, codec }: EntityRef,
    run: string,
    system: string,
    limit: number,
  ): Promise<string[]> {
    const { rows } = await sql<{ data: Buffer }>`
      select i.data from entity_ids i where i.entity = ${no} and i.system = ${system}
        and not exists (select from entity_seen s where s.run = ${run} and s.source = ${system} and s.hash = i.hash)
      limit ${limit}`.execute(this.#db);
    return rows.map(({ data }) => codec.decode<StoredSource>(data).id);
  }

  /** Forgets what full reads of a cycle have met. */
  async dropSeen(run: string): Promise<void> {
    await sql`delete from entity_seen where run = ${run}`.execute(this.#db);
  }

  async #putSources(
    tx: Database,
    entity: EntityRef,
    { sourceRecords, detached, extra = [] }: EntityChanges,
  ): Promise<void> {
    await this.dropSourceRecords(entity, detached, tx);
    await this.putSourceRecords(entity, sourceRecords, tx);
    if (extra.length === 0) return;
    const hashes = extra.map(({ system, id }) => this.#idHash(entity.no, system, id));
    await sql`update entity_ids i set extra = true from ${packed(hashes)} h
      where i.entity = ${entity.no} and i.hash = h.bytes`.execute(tx);
  }

  /** Puts what is known of records of systems. */
  async putSourceRecords(
    { no, codec }: EntityRef,
    all: readonly SourceRecord[],
    db: Database = this.#db,
  ): Promise<void> {
    if (all.length === 0) return;
    const hashes = all.map(({ system, id }) => this.#idHash(no, system, id));
    const data = all.map(({ id, at, values }) =>
      codec.encode({ id, at, values } satisfies StoredSource),
    );
    await sql`insert into entity_ids (entity, hash, system, record, data)
      select ${no}, h.bytes, s.system, s.record, d.bytes from ${packed(hashes)} h join ${packed(data)} d using (at)
      join unnest(${all.map(({ system }) => system)}::text[], ${all.map(({ record }) => record)}::bigint[])
        with ordinality as s (system, record, at) using (at)
      on conflict (entity, hash) do update set record = excluded.record, data = excluded.data`.execute(
      db,
    );
  }

  /** The id that each of these records has in a system, if it has one. */
  async targets(
    { no, codec }: EntityRef,
    system: string,
    records: readonly RecordId[],
  ): Promise<Map<RecordId, string>> {
    const { rows } = await sql<{ record: string; data: Buffer }>`
      select x.id as record, i.data from unnest(${records}::bigint[]) x (id) cross join lateral (
        select data from entity_ids where entity = ${no} and record = x.id and system = ${system}
        order by extra, hash limit 1) i`.execute(this.#db);
    return new Map(
      rows.map(({ record, data }) => [record, codec.decode<StoredSource>(data).id]),
    );
  }

  /** Adds what systems hold now to what is known of their records; an id keeps the record that it has. */
  async noteContributions(
    entity: EntityRef,
    written: readonly SourceRecord[],
    tx: Database,
  ): Promise<void> {
    if (written.length === 0) return;
    const hashes = written.map(({ system, id }) => this.#idHash(entity.no, system, id));
    const { rows } = await sql<{ at: number; record: string; data: Buffer }>`
      select h.at, i.record, i.data from ${packed(hashes)} h
      join entity_ids i on i.entity = ${entity.no} and i.hash = h.bytes for update of i`.execute(tx);
    const known = new Map(rows.map((row) => [row.at, row]));
    const merged = written.map((one, index): SourceRecord => {
      const before = known.get(index + 1);
      if (before === undefined) return one;
      const { at, values } = entity.codec.decode<StoredSource>(before.data);
      return { ...one, record: before.record, at, values: { ...values, ...one.values } };
    });
    await this.putSourceRecords(entity, merged, tx);
  }

  /** Forgets records of a system. */
  async dropSourceRecords(
    { no }: EntityRef,
    all: readonly SystemId[],
    db: Database = this.#db,
  ): Promise<void> {
    if (all.length === 0) return;
    const hashes = all.map(({ system, id }) => this.#idHash(no, system, id));
    await sql`delete from entity_ids i using ${packed(hashes)} h
      where i.entity = ${no} and i.hash = h.bytes`.execute(db);
  }

  async #putEntries(
    tx: Database,
    { no, codec }: EntityRef,
    { cycle, run, entries }: EntityChanges,
  ): Promise<void> {
    if (entries.length === 0) return;
    const data = entries.map(({ record: _record, operation: _operation, ...rest }) =>
      codec.encode(rest),
    );
    await sql`insert into entity_log (entity, record, cycle, run, operation, data, at)
      select ${no}, e.record, ${cycle}, ${run}, e.operation, d.bytes, now()
      from ${packed(data)} d join unnest(${entries.map(({ record }) => record)}::bigint[],
        ${entries.map(({ operation }) => operation)}::text[]) with ordinality as e (record, operation, at) using (at)
      on conflict (entity, record, cycle) do update set run = excluded.run, operation = excluded.operation,
        data = excluded.data, at = excluded.at`.execute(tx);
  }

  #idHash(no: number, system: string, id: string): Buffer {
    return this.#seal.hash(`${no}\0${system}\0${id}`);
  }

  #keyHash(no: number, key: string): Buffer {
    return this.#seal.hash(`${no}\0${key}`);
  }
}

function columns(changes: readonly RecordChange[]) {
  return sql`unnest(${changes.map(({ record }) => record.id)}::bigint[],
    ${changes.map(({ record }) => record.createdAt)}::float8[], ${changes.map(({ record }) => record.updatedAt)}::float8[],
    ${changes.map(({ deleted }) => deleted)}::boolean[], ${changes.map(({ mergedInto }) => mergedInto ?? null)}::bigint[])
    with ordinality as r (id, created, updated, deleted, merged, at)`;
}

function moment(name: string) {
  return sql`to_timestamp(${sql.ref(name)} / 1000.0)`;
}

function milliseconds(column: string) {
  return sql`(extract(epoch from ${sql.ref(column)}) * 1000)::float8`;
}
