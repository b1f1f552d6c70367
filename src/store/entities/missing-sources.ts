import { sql } from 'kysely';
import type { MissingSource } from '../../model/cycle.ts';
import type { Database } from '../database/database.ts';

/** The sources that cycles go on without because they are down. */
export class MissingSources {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Returns the sources that a cycle goes on without, in the order in which it missed them. */
  async of(run: string): Promise<readonly MissingSource[]> {
    const row = await this.#db
      .selectFrom('runs')
      .select('missing')
      .where('id', '=', run)
      .executeTakeFirst();
    return row?.missing ?? [];
  }

  /** Returns since when each source of an entity is missing that no completed cycle has read again. */
  async since(entity: number): Promise<ReadonlyMap<string, Date>> {
    const rows = await this.#db
      .selectFrom('entity_missing')
      .select(['source', 'since'])
      .where('entity', '=', entity)
      .execute();
    return new Map(rows.map(({ source, since }) => [source, since]));
  }

  /** Notes that a cycle goes on without a source; repeated notes change nothing, nor does a cycle that is over (R6). */
  async note(run: string, entity: number, missing: MissingSource): Promise<void> {
    const { source, since } = missing;
    await sql`with open as (
        update runs set missing = missing || ${JSON.stringify([missing])}::jsonb
        where id = ${run} and finished_at is null and not missing @> ${JSON.stringify([{ source }])}::jsonb
        returning id)
      insert into entity_missing (entity, source, since)
      select ${entity}::int, ${source}, ${since}::timestamptz from open on conflict do nothing`.execute(
      this.#db,
    );
  }

  /** Forgets since when sources are missing, but not those that this cycle went on without. */
  async settle(run: string, entity: number): Promise<void> {
    await sql`delete from entity_missing m using runs r
      where m.entity = ${entity} and r.id = ${run} and r.finished_at is null
        and not r.missing @> jsonb_build_array(jsonb_build_object('source', m.source))`.execute(
      this.#db,
    );
  }
}
