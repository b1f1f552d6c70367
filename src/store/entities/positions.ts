import { sql } from 'kysely';
import type { Database } from '../database/database.ts';
import type { Seal } from '../sealing/seal.ts';

/**
 * The place in a source up to which an entity has read it: a pass goes from `since` to `until`, over as many cycles as it takes, and
 * `cursor` is where the next one goes on; null: the next cycle begins a new pass.
 */
export interface Position {
  /** Only records changed since; null: all. */
  readonly since: string | null;
  /** The end of this pass; null for a source that cannot tell. */
  readonly until: string | null;
  /**
   * The end of the pass before, where this one begins again somewhat earlier: records up to here have been read before.
   * Absent: none have.
   */
  readonly readTo?: string;
  /** The `since` of the pass after this one. */
  readonly settled: string | null;
  readonly cursor: string | null;
  /** When all ids were last read, where deletes are found so; milliseconds since 1970. */
  readonly scannedAt?: number;
  /**
   * True when the source's highest watermark was below the position as this pass began, as after a restore from a backup.
   * Default false.
   */
  readonly movedBack?: boolean;
  /** True once a pass has come to its end, so that every record has been read. Default false. */
  readonly readOnce?: boolean;
}

/** The positions of entities in their sources. A position belongs to the mapping it was read with; sealed at rest. */
export class Positions {
  readonly #db: Database;
  readonly #seal: Seal;

  constructor(db: Database, seal: Seal) {
    this.#db = db;
    this.#seal = seal;
  }

  /** Null where there is none, or the source has been declared otherwise since: everything is read again. */
  async get(entity: number, source: string, fingerprint: string): Promise<Position | null> {
    const row = await this.#db
      .selectFrom('entity_positions')
      .select('position')
      .where('entity', '=', entity)
      .where('source', '=', source)
      .where('fingerprint', '=', fingerprint)
      .executeTakeFirst();
    return row === undefined
      ? null
      : (JSON.parse(this.#seal.open(row.position).toString()) as Position);
  }

  /** Only a cycle that is open moves them (R6), and only when all it read is saved (R3). */
  async put(
    entity: number,
    source: string,
    mark: { fingerprint: string; position: Position; run: string },
  ): Promise<void> {
    const sealed = this.#seal.seal(JSON.stringify(mark.position));
    await sql`insert into entity_positions (entity, source, fingerprint, position, run)
      select ${entity}, ${source}, ${mark.fingerprint}, ${sealed}, id from runs
      where id = ${mark.run} and finished_at is null
      on conflict (entity, source) do update set fingerprint = excluded.fingerprint,
        position = excluded.position, run = excluded.run`.execute(this.#db);
  }
}
