import { setImmediate as breathe } from 'node:timers/promises';
import { sql, type RawBuilder } from 'kysely';
import type { LogEntry } from '../../model/entity-log.ts';
import type {
  GoldenRecord,
  RecordChange,
  RecordId,
  SourceRecord,
  SystemId,
} from '../../model/golden-record.ts';
import type { Database } from '../database/database.ts';
import { faultPoint } from '../../model/fault-point.ts';
import { compactLog, compactRecord, wholeLog, wholeRecord } from './compact.ts';
import type { EntityRef } from './entity-ref.ts';
import type { MatchKeys } from './match-keys.ts';
import { byIndex, listed, rowsOf } from '../database/rows-of.ts';
import type { LoadedSourceRecord, SourceRecords } from './source-records.ts';

/** The changes of one chunk of a cycle. */
export interface EntityChanges {
  readonly cycle: number;
  readonly run: string;
  readonly records: readonly RecordChange[];
  readonly sourceRecords: readonly SourceRecord[];
  readonly detached: readonly SystemId[];
  /** Source records that must not have changed since they were loaded; default: nobody else changes any. */
  readonly held?: readonly LoadedSourceRecord[];
  /** Source records that a merge brings to its winners. */
  readonly moved?: readonly SourceRecord[];
  /** Ids that a merge brings to a record that has one in their system. */
  readonly extra?: readonly SystemId[];
  readonly entries: readonly LogEntry[];
  /** True for a source record that is certainly not stored, and put by nobody else. Default: none is. */
  readonly isNew?: (record: SourceRecord) => boolean;
  /** True for a match key that another record may have too, so that both are to be compared. Default: any may. */
  readonly mayShare?: (key: string) => boolean;
}

/** Ids that the sequence gives at once. */
const idBlock = 1000;

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
  readonly #keys: MatchKeys;
  readonly #sourceRecords: SourceRecords;
  /** Ids that this process has taken and not given out. */
  readonly #free: RecordId[] = [];

  constructor(db: Database, keys: MatchKeys, sourceRecords: SourceRecords) {
    this.#db = db;
    this.#keys = keys;
    this.#sourceRecords = sourceRecords;
  }

  /** New record ids in ascending order, which no process has used. Ids that are not used are lost. */
  async newIds(count: number): Promise<RecordId[]> {
    // Others may take some meanwhile.
    for (let missing; (missing = count - this.#free.length) > 0;) {
      const { rows } = await sql<{ first: string }>`
        select nextval('entity_record_id') as first from generate_series(1, ${Math.ceil(missing / idBlock)}::int)`.execute(
        this.#db,
      );
      for (const { first } of rows)
        for (let at = 0; at < idBlock; at++) this.#free.push(String(Number(first) + at));
    }
    return this.#free.splice(0, count);
  }

  /** The live ones of these records. */
  async records({ codec }: EntityRef, ids: readonly RecordId[]): Promise<GoldenRecord[]> {
    if (ids.length === 0) return [];
    const { rows } = await sql<RecordRow>`
      select r.* from unnest(${listed(ids)}::bigint[]) x (id) cross join lateral (
        select id, data, ${milliseconds('created_at')} as created, ${milliseconds('updated_at')} as updated
        from entity_records where id = x.id and not deleted limit 1) r`.execute(this.#db);
    return rows.map(({ id, data, created, updated }) => ({
      id,
      ...wholeRecord(codec.decode(data)),
      createdAt: created,
      updatedAt: updated,
    }));
  }

  /** The log entries of these records in this cycle, so far. */
  async entries(
    { codec }: EntityRef,
    cycle: number,
    ids: readonly RecordId[],
  ): Promise<Map<RecordId, LogEntry>> {
    if (ids.length === 0) return new Map();
    const { rows } = await sql<{ record: string; operation: LogEntry['operation']; data: Buffer }>`
      select l.record, l.operation, l.data from unnest(${listed(ids)}::bigint[]) x (id) cross join lateral (
        select record, operation, data from entity_log
        where record = x.id and cycle = ${cycle} limit 1) l`.execute(this.#db);
    return new Map(
      rows.map(({ record, operation, data }) => [
        record,
        { record, operation, ...wholeLog(codec.decode(data)) },
      ]),
    );
  }

  /** Saves what a chunk changes: {@link prepare} and what it returns in one. */
  async save(tx: Database, entity: EntityRef, changes: EntityChanges): Promise<void> {
    await (
      await this.prepare(entity, changes)
    )(tx);
  }

  /** Saves changes in a transaction of their own. */
  async change(entity: EntityRef, changes: EntityChanges): Promise<void> {
    await this.#db.transaction().execute((tx) => this.save(tx, entity, changes));
  }

  /**
   * Makes what a chunk changes ready to be saved: all that costs this process time, bit by bit, so that what else it
   * does goes on. Returns what saves it, as a part of the transaction that commits the chunk; that throws an
   * OvertakenError where what is `held` has changed.
   */
  async prepare(
    entity: EntityRef,
    changes: EntityChanges,
  ): Promise<(tx: Database) => Promise<void>> {
    const { records, sourceRecords, detached, held = [], moved = [], extra = [] } = changes;
    const fresh = this.#rows(
      entity,
      records.filter(({ created }) => created),
    );
    await breathe();
    const known = this.#rows(
      entity,
      records.filter(({ created }) => !created),
    );
    await breathe();
    const keys = this.#keys.prepare(entity, records, changes.mayShare);
    await breathe();
    const sources = this.#sourceRecords.prepare(entity, sourceRecords, changes.isNew);
    await breathe();
    const entries = this.#entryRows(entity, changes);
    const joins =
      known !== null ||
      keys.shared !== null ||
      held.length + detached.length + moved.length + extra.length > 0;
    return async (tx) => {
      if (joins) await byIndex.execute(tx);
      await this.#sourceRecords.hold(entity, held, tx);
      await allAtOnce(tx, [
        fresh && insertRecords(entity, changes, fresh),
        known && updateRecords(changes, known),
        keys.fresh && this.#keys.insertFresh(entity, keys.fresh),
        sources.fresh && this.#sourceRecords.insertFresh(entity, sources.fresh),
        sources.known && this.#sourceRecords.putRows(entity, sources.known),
        entries.fresh && insertEntries(entity, changes, entries.fresh),
        entries.known && putEntries(entity, changes, entries.known),
      ]);
      await this.#keys.change(entity, keys, tx);
      await this.compareAgain(await this.#keys.shared(keys, tx), tx);
      await this.compareAgain(await groupsOf(tx, entity, lostKeys(records)), tx);
      await this.#sourceRecords.remove(entity, detached, tx);
      await this.#sourceRecords.move(entity, moved, tx);
      await this.#sourceRecords.follow(mergesOf(records), tx);
      await this.#sourceRecords.markExtra(entity, extra, tx);
      faultPoint('unify.in-transaction');
    };
  }

  #rows({ codec }: EntityRef, of: readonly RecordChange[]): RawBuilder<unknown> | null {
    if (of.length === 0) return null;
    return rowsOf({
      id: { type: 'bigint', values: of.map(({ record }) => record.id) },
      created: { type: 'float8', values: of.map(({ record }) => record.createdAt) },
      updated: { type: 'float8', values: of.map(({ record }) => record.updatedAt) },
      deleted: { type: 'boolean', values: of.map(({ deleted }) => deleted) },
      merged: { type: 'bigint', values: of.map(({ mergedInto }) => mergedInto ?? null) },
      data: codec.encodeAll(of.map(({ record }) => compactRecord(record))),
    });
  }

  /** Entries are `fresh` where their records are new: no entry of theirs is stored yet. */
  #entryRows(
    entity: EntityRef,
    { entries, records }: EntityChanges,
  ): Record<'fresh' | 'known', RawBuilder<unknown> | null> {
    const created = new Set(
      records.flatMap((change) => (change.created ? [change.record.id] : [])),
    );
    return {
      fresh: this.#entriesOf(
        entity,
        entries.filter(({ record }) => created.has(record)),
      ),
      known: this.#entriesOf(
        entity,
        entries.filter(({ record }) => !created.has(record)),
      ),
    };
  }

  #entriesOf({ codec }: EntityRef, entries: readonly LogEntry[]): RawBuilder<unknown> | null {
    if (entries.length === 0) return null;
    return rowsOf({
      record: { type: 'bigint', values: entries.map(({ record }) => record) },
      operation: { type: 'text', values: entries.map(({ operation }) => operation) },
      data: codec.encodeAll(entries.map(compactLog)),
    });
  }

  /** Counts how often ids of these records have gone: a record that is made at a destination after that is another one. */
  async remade(ids: readonly RecordId[]): Promise<Map<RecordId, number>> {
    const { rows } = await sql<{ id: string; remade: number }>`
      select id, remade from entity_records where id = any(${ids}::bigint[])`.execute(this.#db);
    return new Map(rows.map(({ id, remade }) => [id, remade]));
  }

  /** Forgets what was deleted more than `keepMs` ago and up to the change `upTo`; at most `limit` at once. Returns how many. */
  async forgetDeleted(
    { no }: EntityRef,
    { keepMs, upTo, limit }: { keepMs: number; upTo: string | null; limit: number },
  ): Promise<number> {
    const { numAffectedRows } = await sql`delete from entity_records r using (
        select id from entity_records where entity = ${no} and deleted
          and changed_at < now() - ${keepMs} * interval '1 millisecond'
          and (${upTo}::bigint is null or seq <= ${upTo}::bigint) limit ${limit}) old
      where r.id = old.id
        and not exists (select from entity_ids i where i.record = r.id)`.execute(this.#db);
    return Number(numAffectedRows ?? 0);
  }

  /** Notes that these records are to be compared with those that share their match keys. */
  async compareAgain(ids: readonly RecordId[], tx: Database): Promise<void> {
    if (ids.length === 0) return;
    await sql`update entity_records set merge_due = true
      where id = any(${listed(ids)}::bigint[]) and not deleted and not merge_due`.execute(tx);
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
    return rows.map(({ id, data }) => ({
      id,
      values: wholeRecord(codec.decode(data)).values,
    }));
  }

  /** Has every live record compared with the others. */
  async compareAll({ no }: EntityRef): Promise<void> {
    await sql`update entity_records set merge_due = true where entity = ${no} and not deleted and not merge_due`.execute(
      this.#db,
    );
  }

  /**
   * Returns records that share a match key with others since they were last compared.
   * @param missing systems that are down: their records wait. Default: none
   */
  async toMerge(
    { no }: EntityRef,
    limit: number,
    missing: readonly string[] = [],
  ): Promise<RecordId[]> {
    const isHere =
      missing.length === 0
        ? sql`true`
        : sql`not exists (
            select from entity_ids i where i.record = e.id and i.system = any(${missing}::text[]))`;
    const { rows } = await sql<{ id: string }>`
      select id from entity_records e where entity = ${no} and merge_due and ${isHere}
      order by id limit ${limit}`.execute(this.#db);
    return rows.map(({ id }) => id);
  }

  /** Moves these records to the end of the change log, as they are, so that the next runs of destinations read them again. */
  async deliverAgain(ids: readonly RecordId[], db: Database = this.#db): Promise<void> {
    if (ids.length === 0) return;
    await sql`update entity_records e set seq = nextval('entity_change')
      from (select id from entity_records where id = any(${listed(ids)}::bigint[]) order by id for update) r
      where e.id = r.id`.execute(db);
  }

  /** Notes that these records have been compared. */
  async compared(ids: readonly RecordId[], tx: Database): Promise<void> {
    await sql`update entity_records set merge_due = false
      where id = any(${listed(ids)}::bigint[])`.execute(tx);
  }
}

/** Runs statements that have nothing to do with each other in one. */
async function allAtOnce(
  tx: Database,
  statements: readonly (RawBuilder<unknown> | null)[],
): Promise<void> {
  const parts = statements.flatMap((one, at) =>
    one === null ? [] : [sql`${sql.ref(`part_${at}`)} as (${one})`],
  );
  if (parts.length > 0) await sql`with ${sql.join(parts)} select 1`.execute(tx);
}

function insertRecords(
  { no }: EntityRef,
  { cycle }: EntityChanges,
  rows: RawBuilder<unknown>,
): RawBuilder<unknown> {
  return sql`insert into entity_records (entity, id, seq, cycle, data, created_at, updated_at, deleted, merged_into)
    select ${no}, r.id, nextval('entity_change'), ${cycle}, r.data, ${moment('r.created')}, ${moment('r.updated')}, r.deleted, r.merged
    from ${rows} r order by r.at`;
}

function updateRecords({ cycle }: EntityChanges, rows: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`update entity_records e set seq = r.seq, changed_at = now(), cycle = ${cycle}, data = r.data,
      updated_at = ${moment('r.updated')}, deleted = r.deleted, merged_into = r.merged,
      merge_due = e.merge_due and not r.deleted
    from (select r.*, nextval('entity_change') as seq from ${rows} r order by r.at) r
    where e.id = r.id`;
}

function insertEntries(
  { no }: EntityRef,
  { cycle, run }: EntityChanges,
  rows: RawBuilder<unknown>,
): RawBuilder<unknown> {
  return sql`insert into entity_log (entity, record, cycle, run, operation, data, at)
    select ${no}, e.record, ${cycle}, ${run}, e.operation, e.data, now() from ${rows} e`;
}

function putEntries(
  entity: EntityRef,
  changes: EntityChanges,
  rows: RawBuilder<unknown>,
): RawBuilder<unknown> {
  return sql`${insertEntries(entity, changes, rows)}
    on conflict (record, cycle) do update set run = excluded.run, operation = excluded.operation,
      data = excluded.data, at = excluded.at`;
}

/** Returns the records that are deleted or have lost a match key. */
function lostKeys(records: readonly RecordChange[]): RecordId[] {
  return records.flatMap(({ record: { id }, deleted, removedKeys }) =>
    deleted || removedKeys.length > 0 ? [id] : [],
  );
}

/**
 * Takes back the reported groups that these records belong to, which may be none any more. Returns all their records: when
 * they are compared again, what is left of a group is reported anew.
 */
async function groupsOf(
  tx: Database,
  { no }: EntityRef,
  ids: readonly RecordId[],
): Promise<RecordId[]> {
  if (ids.length === 0) return [];
  const { rows } = await sql<{ id: string }>`
    with gone as (delete from entity_groups where entity = ${no} and records && ${listed(ids)}::bigint[]
      returning records)
    select distinct unnest(records)::text as id from gone`.execute(tx);
  return rows.map(({ id }) => id);
}

function mergesOf(records: readonly RecordChange[]): { loser: RecordId; winner: RecordId }[] {
  return records.flatMap(({ record: { id }, mergedInto }) =>
    mergedInto === undefined ? [] : [{ loser: id, winner: mergedInto }],
  );
}

function moment(name: string) {
  return sql`to_timestamp(${sql.ref(name)} / 1000.0)`;
}

function milliseconds(column: string) {
  return sql`(extract(epoch from ${sql.ref(column)}) * 1000)::float8`;
}
