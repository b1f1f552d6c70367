import { sql } from 'kysely';
import { destinationSyncs } from '../../model/entity-syncs.ts';
import type { EntitySpec } from '../../model/entity.ts';
import type { Database } from '../database/database.ts';

/** An entity as its cycles need it. */
export interface EntityState {
  readonly id: string;
  /** Its number in the tables. */
  readonly no: number;
  readonly spec: EntitySpec;
  /** The number of completed cycles: the open one has the next number, and keeps it when it is done again. */
  readonly cycle: number;
  /** The match rules that the index of match keys was made by; null before the first cycle. */
  readonly rules: string | null;
  /** The merge rules by which records were last compared. */
  readonly merges: string | null;
}

/** The declared entities. Each destination is kept as a sync too. */
export class Entities {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async put(id: string, spec: EntitySpec): Promise<'created' | 'replaced'> {
    return this.#db.transaction().execute(async (tx) => {
      const { rows } = await sql<{ created: boolean }>`
        insert into entities (id, spec) values (${id}, ${JSON.stringify(spec)}::json)
        on conflict (id) do update set spec = excluded.spec, updated_at = now()
        returning xmax = 0 as created`.execute(tx);
      const syncs = destinationSyncs(id, spec);
      await sql`delete from syncs where entity = ${id} and id <> all(${Object.keys(syncs)}::text[])`.execute(
        tx,
      );
      for (const [sync, of] of Object.entries(syncs)) {
        await sql`insert into syncs (id, spec, entity) values (${sync}, ${JSON.stringify(of)}::jsonb, ${id})
          on conflict (id) do update set spec = excluded.spec, updated_at = now()`.execute(tx);
      }
      return rows[0]?.created === true ? 'created' : 'replaced';
    });
  }

  async get(id: string): Promise<EntitySpec | null> {
    return (await this.state(id))?.spec ?? null;
  }

  async list(): Promise<{ id: string; spec: EntitySpec }[]> {
    return this.#db.selectFrom('entities').select(['id', 'spec']).orderBy('id').execute();
  }

  /** @param run a cycle, of which `spec` is what it opened with */
  async state(id: string, run: string | null = null): Promise<EntityState | null> {
    const { rows } = await sql<EntityState & { cycle: string }>`
      select e.id, e.no, coalesce(r.entity_spec, e.spec) as spec, e.cycle, e.rules, e.merges
      from entities e left join runs r on r.id = ${run} where e.id = ${id}`.execute(this.#db);
    return rows[0] === undefined ? null : { ...rows[0], cycle: Number(rows[0].cycle) };
  }

  /** Notes by which rules records are compared now. */
  async noteRules(id: string, { rules, merges }: Pick<EntityState, 'rules' | 'merges'>) {
    await this.#db.updateTable('entities').set({ rules, merges }).where('id', '=', id).execute();
  }

  /**
   * Notes that the cycle with number `cycle` has completed; repeated calls change nothing.
   * @param run must be open: a cycle that is over completes nothing (R6)
   */
  async completed(id: string, cycle: number, run: string): Promise<void> {
    await sql`update entities set cycle = ${cycle}, completed_by = ${run} where id = ${id} and cycle = ${cycle - 1}
      and completed_by is distinct from ${run} and exists (select 1 from runs where id = ${run} and finished_at is null)`.execute(
      this.#db,
    );
  }

  /** Deletes an entity with its records, ids, log and positions, and the syncs of its destinations. */
  async remove(id: string): Promise<boolean> {
    return this.#db.transaction().execute(async (tx) => {
      const gone = await tx
        .deleteFrom('entities')
        .where('id', '=', id)
        .returning('no')
        .executeTakeFirst();
      if (gone === undefined) return false;
      for (const table of tables)
        await tx.deleteFrom(table).where('entity', '=', gone.no).execute();
      const syncs = tx.selectFrom('syncs').select('id').where('entity', '=', id);
      for (const table of ['watermarks', 'ledger', 'skipped_ticks'] as const)
        await tx.deleteFrom(table).where('sync', 'in', syncs).execute();
      await tx.deleteFrom('syncs').where('entity', '=', id).execute();
      return true;
    });
  }
}

const tables = [
  'entity_records',
  'entity_ids',
  'entity_keys',
  'entity_log',
  'entity_positions',
  'entity_groups',
  'entity_refused',
  'entity_missing',
] as const;
