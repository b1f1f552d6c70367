import { sql } from 'kysely';
import type { LogEntry } from '../../model/entity-log.ts';
import type { Database } from '../database/database.ts';
import type { Seal } from '../sealing/seal.ts';
import { wholeLog } from './compact.ts';
import { ValueCodec } from './values.ts';

/** An entry of the transaction log as it is kept. */
export type StoredEntry = LogEntry & {
  readonly cycle: number;
  /** The run that wrote it last. */
  readonly run: string;
  readonly at: Date;
};

interface Row {
  record: string;
  cycle: string;
  run: string;
  operation: LogEntry['operation'];
  data: Buffer;
  at: Date;
}

/** A page of the log; `after` is the `next` of the page before. */
interface LogPage {
  readonly limit: number;
  readonly after?: string;
}

/** The transaction log of entities: one entry a record and cycle. */
export class EntityLog {
  readonly #db: Database;
  readonly #codec: ValueCodec;

  constructor(db: Database, seal: Seal) {
    this.#db = db;
    this.#codec = new ValueCodec(seal, true);
  }

  /** The history of one record, newest first. */
  async ofRecord(
    entity: string,
    record: string,
    { limit, after }: LogPage,
  ): Promise<{ entries: StoredEntry[]; next: string | null }> {
    const { rows } = await sql<Row>`
      select l.* from entity_log l join entities e on e.no = l.entity
      where e.id = ${entity} and l.record = ${record}::bigint
        and (${after ?? null}::bigint is null or l.cycle < ${after ?? null}::bigint)
      order by l.cycle desc limit ${limit + 1}`.execute(this.#db);
    return this.#page(rows, limit, ({ cycle }) => String(cycle));
  }

  /** The entries of one cycle, by record. */
  async ofCycle(
    entity: string,
    cycle: number,
    { limit, after }: LogPage,
  ): Promise<{ entries: StoredEntry[]; next: string | null }> {
    const { rows } = await sql<Row>`
      select l.* from entity_log l join entities e on e.no = l.entity
      where e.id = ${entity} and l.cycle = ${cycle} and l.record > ${after ?? '0'}::bigint
      order by l.record limit ${limit + 1}`.execute(this.#db);
    return this.#page(rows, limit, ({ record }) => record);
  }

  /** Forgets what is older than `keepMs`; at most `limit` entries at once. Returns how many. */
  async expire(entity: number, keepMs: number, limit: number): Promise<number> {
    const { numAffectedRows } = await sql`
      delete from entity_log l using (select entity, record, cycle from entity_log
        where entity = ${entity} and at < now() - ${keepMs} * interval '1 millisecond'
        order by cycle limit ${limit}) old
      where l.entity = old.entity and l.record = old.record and l.cycle = old.cycle`.execute(
      this.#db,
    );
    return Number(numAffectedRows ?? 0);
  }

  #page(
    rows: readonly Row[],
    limit: number,
    nextOf: (entry: StoredEntry) => string,
  ): { entries: StoredEntry[]; next: string | null } {
    const entries = rows.slice(0, limit).map(({ record, cycle, run, operation, data, at }) => ({
      record,
      operation,
      ...wholeLog(this.#codec.decode(data)),
      cycle: Number(cycle),
      run,
      at,
    }));
    const last = entries.at(-1);
    return { entries, next: rows.length > limit && last !== undefined ? nextOf(last) : null };
  }
}
