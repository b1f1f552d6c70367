import { sql } from 'kysely';
import { destinationSyncId } from '../../model/entity-syncs.ts';
import type { RecordId, SourceRecord, SystemId } from '../../model/golden-record.ts';
import type { JsonObject } from '../../model/json.ts';
import type { Database } from '../database/database.ts';
import type { Seal } from '../sealing/seal.ts';
import { wholeRecord } from './compact.ts';
import { ValueCodec } from './values.ts';

/** A unified record as people and destinations see it. */
export interface RecordView {
  readonly id: RecordId;
  readonly values: JsonObject;
  /** Its ids in systems; `made` of those that Sluice made there. */
  readonly ids: readonly (SystemId & Pick<SourceRecord, 'made'>)[];
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly deleted: boolean;
  readonly mergedInto: RecordId | null;
}

/** A record with its place in the change log. */
export interface ChangedView extends RecordView {
  readonly seq: string;
}

/** The distance of a destination from the end of the change log. */
export interface Lag {
  /** Records that changed since what was delivered last, and those that the destination refused. */
  readonly records: number;
  /** The records among them that the destination refused when they were last delivered. */
  readonly refused: number;
  /** Age of the oldest change that is not delivered. */
  readonly seconds: number;
  /** The place in the change log up to which everything was delivered; null: nothing yet. */
  readonly watermark: string | null;
}

interface Row {
  id: string;
  seq: string;
  data: Buffer;
  created_at: Date;
  updated_at: Date;
  deleted: boolean;
  merged_into: string | null;
  ids: { system: string; data: string }[] | null;
}

const columns = sql`r.id, r.seq, r.data, r.created_at, r.updated_at, r.deleted, r.merged_into,
  (select json_agg(json_build_object('system', i.system, 'data', encode(i.data, 'base64')) order by i.extra, i.system)
   from entity_ids i where i.record = r.id) as ids`;
const select = sql`select ${columns} from entity_records r join entities e on e.no = r.entity`;

/** The unified records as they stand, and what changed since: the entity's change log. */
export class GoldenViews {
  readonly #db: Database;
  readonly #seal: Seal;
  readonly #codec: ValueCodec;

  constructor(db: Database, seal: Seal) {
    this.#db = db;
    this.#seal = seal;
    this.#codec = new ValueCodec(seal, true);
  }

  /** Live records by id, or with `deleted` also the others. */
  async page(
    entity: string,
    { after, limit, deleted = false }: { after?: string; limit: number; deleted?: boolean },
  ): Promise<RecordView[]> {
    const { rows } = await sql<Row>`${select}
      where e.id = ${entity} and r.id > ${after ?? '0'}::bigint and (${deleted} or not r.deleted)
      order by r.id limit ${limit}`.execute(this.#db);
    return rows.map((row) => this.#toView(row));
  }

  async get(entity: string, record: RecordId): Promise<RecordView | null> {
    return (await this.some(entity, [record]))[0] ?? null;
  }

  /** Reads these records, deleted ones too; unknown ids are left out. */
  async some(entity: string, records: readonly RecordId[]): Promise<RecordView[]> {
    // Found by id, whatever the planner thinks of the entity's size.
    const { rows } = await sql<Row>`select ${columns}
      from (select * from entity_records where id = any(${records}::bigint[]) offset 0) r
      join entities e on e.no = r.entity where e.id = ${entity}`.execute(this.#db);
    return rows.map((row) => this.#toView(row));
  }

  /** The place of the last change; null for an entity without records. */
  async lastChange(entity: string): Promise<string | null> {
    const { rows } = await sql<{ seq: string | null }>`
      select max(r.seq) as seq from entity_records r join entities e on e.no = r.entity
      where e.id = ${entity}`.execute(this.#db);
    return rows[0]?.seq ?? null;
  }

  /**
   * Measures the next stretch of live records in the change log, up to `limit`, but one record at least.
   * @returns how many records and bytes it has, the place of its last change (null without records), and whether a further
   *   stretch may follow
   */
  async stretch(
    entity: string,
    {
      after,
      until,
      limit,
    }: {
      after: string;
      until: string | null;
      limit: { readonly records: number; readonly bytes: number };
    },
  ): Promise<{ records: number; bytes: number; last: string | null; more: boolean }> {
    const most = Number.isFinite(limit.records) ? limit.records : null;
    const bytes = Number.isFinite(limit.bytes) ? limit.bytes : null;
    const { rows } = await sql<{
      found: number;
      taken: number;
      bytes: string;
      last: string | null;
    }>`
      select count(*)::int as found, count(*) filter (where fits)::int as taken,
        coalesce(max(size) filter (where fits), 0) as bytes, max(seq) filter (where fits) as last
      from (
        select seq, size, place = 1 or ${bytes}::bigint is null or size <= ${bytes}::bigint as fits
        from (
          select r.seq, row_number() over (order by r.seq) as place,
            sum(octet_length(r.data)) over (order by r.seq) as size
          from entity_records r join entities e on e.no = r.entity
          where e.id = ${entity} and r.seq > ${after}::bigint and not r.deleted
            and (${until}::bigint is null or r.seq <= ${until}::bigint)
          order by r.seq limit ${most}
        ) page
      ) measured`.execute(this.#db);
    const { found = 0, taken = 0, last = null, bytes: size = '0' } = rows[0] ?? {};
    return { records: taken, bytes: Number(size), last, more: taken < found || taken === most };
  }

  /** Records whose last change lies after `after` and not after `until`, in that order. */
  async changes(
    entity: string,
    range: { after: string; until: string | null; limit: number; deleted: boolean },
  ): Promise<ChangedView[]> {
    const { rows } = await sql<Row>`${select}
      where e.id = ${entity} and r.seq > ${range.after}::bigint and r.deleted = ${range.deleted}
        and (${range.until}::bigint is null or r.seq <= ${range.until}::bigint)
      order by r.seq limit ${range.limit}`.execute(this.#db);
    return rows.map((row) => ({ ...this.#toView(row), seq: row.seq }));
  }

  /** Ids that merges brought to records which have another one in the system. */
  async withExtraIds(entity: string, system: string): Promise<{ record: RecordId; id: string }[]> {
    const { rows } = await sql<{ record: string; data: Buffer }>`
      select i.record, i.data from entity_ids i join entities e on e.no = i.entity
      where e.id = ${entity} and i.system = ${system} and i.extra and exists (select from entity_ids o
        where o.record = i.record and o.system = i.system and not o.extra)
      order by i.record, i.hash`.execute(this.#db);
    return rows.map(({ record, data }) => ({
      record,
      id: (this.#codec.decode(data) as { id: string }).id,
    }));
  }

  async count(entity: string): Promise<number> {
    const { rows } = await sql<{ n: string }>`
      select count(*) as n from entity_records r join entities e on e.no = r.entity
      where e.id = ${entity} and not r.deleted`.execute(this.#db);
    return Number(rows[0]?.n ?? 0);
  }

  async lag(entity: string, destination: string): Promise<Lag> {
    const sync = destinationSyncId(entity, destination);
    const marks = await sql<{ value: Buffer | null }>`
      select value from watermarks where sync = ${sync}`.execute(this.#db);
    const sealed = marks.rows[0]?.value ?? null;
    const watermark = sealed === null ? null : this.#seal.open(sealed).toString();
    const { rows } = await sql<{ records: string; refused: string; seconds: number | null }>`
      select count(*) as records, count(*) filter (where refused) as refused,
        extract(epoch from now() - min(at))::float8 as seconds
      from (
        select f.record is not null as refused, least(r.changed_at, f.since) as at
        from entity_records r join entities e on e.no = r.entity
        left join entity_refused f on f.record = r.id and f.destination = ${destination}
        where e.id = ${entity} and r.seq > ${watermark ?? '0'}::bigint
          and (not r.deleted or ${watermark}::text is not null)
        union all
        select true, f.since from entity_refused f join entities e on e.no = f.entity
        join entity_records r on r.id = f.record
        where e.id = ${entity} and f.destination = ${destination} and r.seq <= ${watermark ?? '0'}::bigint
      ) behind`.execute(this.#db);
    const { records = '0', refused = '0', seconds = null } = rows[0] ?? {};
    return {
      records: Number(records),
      refused: Number(refused),
      seconds: Math.max(0, seconds ?? 0),
      watermark,
    };
  }

  /**
   * Forgets a record and those that were merged into it: values, ids, match keys, log, and what was noted of them elsewhere.
   * @param keysOf the canonical keys that destinations without ids know a record with these values by
   * @returns false: there is none
   */
  async erase(
    entity: string,
    record: RecordId,
    keysOf: (values: JsonObject) => readonly string[] = () => [],
  ): Promise<boolean> {
    const views = await this.some(entity, await this.#withLosers(entity, record));
    if (views.length === 0) return false;
    const ids = views.map(({ id }) => id);
    const keys = views.flatMap(({ values }) => keysOf(values)).map((key) => this.#seal.hash(key));
    await this.#db.transaction().execute(async (tx) => {
      const { rows } = await sql<{
        no: number;
      }>`select no from entities where id = ${entity}`.execute(tx);
      const no = rows[0]?.no ?? 0;
      for (const table of ['entity_ids', 'entity_keys', 'entity_log', 'entity_refused'])
        await sql`delete from ${sql.table(table)} where entity = ${no} and record = any(${ids}::bigint[])`.execute(
          tx,
        );
      await sql`delete from entity_records where entity = ${no} and id = any(${ids}::bigint[])`.execute(
        tx,
      );
      await sql`delete from entity_groups where entity = ${no} and records && ${ids}::bigint[]`.execute(
        tx,
      );
      await sql`delete from ledger where key_hash = any(${keys}::bytea[]) and sync in (select id from syncs where entity = ${entity})`.execute(
        tx,
      );
    });
    const known = views.flatMap(({ id, ids: of }) => [id, ...of.map((one) => one.id)]);
    await this.#eraseErrors(entity, new Set(known));
    return true;
  }

  /** A record and all that were merged into it, one after the other. */
  async #withLosers(entity: string, record: RecordId): Promise<RecordId[]> {
    const { rows } = await sql<{ id: string }>`
      with recursive gone (id) as (values (${record}::bigint) union
        select r.id from gone g join entity_records r on r.merged_into = g.id
        join entities e on e.no = r.entity where e.id = ${entity})
      select id from gone`.execute(this.#db);
    return rows.map(({ id }) => id);
  }

  /** Record errors keep keys: those of the records go too. */
  async #eraseErrors(entity: string, known: ReadonlySet<string>): Promise<void> {
    const { rows } = await sql<{ id: string; content: Buffer }>`
      select x.id, x.content from record_errors x join runs r on r.id = x.run
      where r.entity = ${entity} or r.sync in (select id from syncs where entity = ${entity})`.execute(
      this.#db,
    );
    const gone = rows.filter(({ content }) => {
      const { key } = JSON.parse(this.#seal.open(content).toString()) as { key: unknown };
      return Array.isArray(key) && key.some((part) => known.has(String(part)));
    });
    await sql`delete from record_errors where id = any(${gone.map((row) => row.id)}::bigint[])`.execute(
      this.#db,
    );
  }

  #toView(row: Row): RecordView {
    const { values } = wholeRecord(this.#codec.decode(row.data));
    return {
      id: row.id,
      values,
      ids: (row.ids ?? []).map(({ system, data }) => {
        const stored = this.#codec.decode(Buffer.from(data, 'base64'));
        const { id, made } = stored as Pick<SourceRecord, 'id' | 'made'>;
        return { system, id, ...(made && { made }) };
      }),
      createdAt: row.created_at,
      updatedAt: row.updated_at,
      deleted: row.deleted,
      mergedInto: row.merged_into,
    };
  }
}
