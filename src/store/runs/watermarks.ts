import { sql } from 'kysely';
import type { Database } from '../database/database.ts';
import type { Seal } from '../sealing/seal.ts';

/** The place in its source up to which a sync has read. */
export interface Watermark {
  /** Null until it is known: everything is read again. */
  readonly value: string | null;
  /** The highest watermark that the last run has met, where that is all there is to go by. */
  readonly seen: string | null;
  /** The run that left it. */
  readonly run: string | null;
}

/** The watermarks of syncs. A watermark belongs to the mapping it was read with; it is sealed at rest. */
export class Watermarks {
  readonly #db: Database;
  readonly #seal: Seal;

  constructor(db: Database, seal: Seal) {
    this.#db = db;
    this.#seal = seal;
  }

  /** Empty when there is none, or when the sync has changed since: then everything is read again. */
  async get(sync: string, fingerprint: string): Promise<Watermark> {
    const row = await this.#db
      .selectFrom('watermarks')
      .select(['value', 'seen', 'run'])
      .where('sync', '=', sync)
      .where('fingerprint', '=', fingerprint)
      .executeTakeFirst();
    if (row === undefined) return { value: null, seen: null, run: null };
    return {
      value: this.#seal.openText(row.value),
      seen: this.#seal.openText(row.seen),
      run: row.run,
    };
  }

  /**
   * Only when every record up to `value` was acknowledged or parked as a record error (R3). A run that is over moves
   * nothing any more (R6): a later one may have moved it further.
   */
  async put(sync: string, mark: Watermark & { readonly fingerprint: string }): Promise<void> {
    const [value, seen] = [this.#seal.sealText(mark.value), this.#seal.sealText(mark.seen)];
    await sql`insert into watermarks (sync, fingerprint, value, seen, run)
      select ${sync}, ${mark.fingerprint}, ${value}, ${seen}, id from runs
      where id = ${mark.run} and finished_at is null
      on conflict (sync) do update set fingerprint = excluded.fingerprint, value = excluded.value,
        seen = excluded.seen, run = excluded.run, updated_at = now()`.execute(this.#db);
  }
}
