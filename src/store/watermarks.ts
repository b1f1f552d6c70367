import { sql } from 'kysely';
import type { Database } from './database.ts';
import type { Seal } from './seal.ts';

/** How far each sync has read its source. A watermark belongs to the mapping it was read with; it is sealed at rest. */
export class Watermarks {
  readonly #db: Database;
  readonly #seal: Seal;

  constructor(db: Database, seal: Seal) {
    this.#db = db;
    this.#seal = seal;
  }

  /** Null when there is none, or when the sync has changed since: then everything is read again. */
  async get(sync: string, fingerprint: string): Promise<string | null> {
    const { rows } = await sql<{ value: Buffer }>`
      select value from watermarks where sync = ${sync} and fingerprint = ${fingerprint}`.execute(
      this.#db,
    );
    return rows[0] === undefined ? null : this.#seal.open(rows[0].value).toString();
  }

  /** Only when every record up to `value` was acknowledged or parked as a record error (R3). */
  async put(
    sync: string,
    mark: { fingerprint: string; value: string; run: string },
  ): Promise<void> {
    await sql`insert into watermarks (sync, fingerprint, value, run)
      values (${sync}, ${mark.fingerprint}, ${this.#seal.seal(mark.value)}, ${mark.run})
      on conflict (sync) do update set fingerprint = excluded.fingerprint, value = excluded.value,
        run = excluded.run, updated_at = now()`.execute(this.#db);
  }
}
