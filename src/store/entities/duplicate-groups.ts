import { sql } from 'kysely';
import type { Database } from '../database/database.ts';

/** Records that look like duplicates and were not merged, and why. */
export interface DuplicateGroup {
  readonly records: readonly string[];
  /** `guard`: the group is too large; `report`: the entity only reports. */
  readonly reason: string;
  readonly cycle: number;
  readonly at: Date;
}

/** The groups of duplicates that wait for somebody to look at them. */
export class DuplicateGroups {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async list(entity: string): Promise<DuplicateGroup[]> {
    const { rows } = await sql<DuplicateGroup & { cycle: string }>`
      select array(select unnest(g.records)::text) as records, g.reason, g.cycle, g.at from entity_groups g
      join entities e on e.no = g.entity where e.id = ${entity} order by g.cycle, g.records`.execute(
      this.#db,
    );
    return rows.map((row) => ({ ...row, cycle: Number(row.cycle) }));
  }

  /** Reports a group in place of every earlier one that shares a record with it. */
  async put(
    entity: number,
    { records, reason, cycle }: Omit<DuplicateGroup, 'at'>,
    db: Database = this.#db,
  ): Promise<void> {
    await this.forget(entity, records, db);
    await sql`insert into entity_groups (entity, cycle, records, reason)
      values (${entity}, ${cycle}, ${records}::bigint[], ${reason})
      on conflict (entity, records) do nothing`.execute(db);
  }

  /** Takes back what was reported of these records. */
  async forget(entity: number, records: readonly string[], db: Database = this.#db): Promise<void> {
    await sql`delete from entity_groups
      where entity = ${entity} and records && ${records}::bigint[]`.execute(db);
  }
}
