import { sql } from 'kysely';
import type { Database } from '../database/database.ts';
import type { Seal } from '../sealing/seal.ts';
import type { EntityRef } from './entity-ref.ts';
import { idHashes } from './id-hash.ts';
import { rowsOf } from '../database/rows-of.ts';

/** The ids that a full read of a system has met, until its cycle ends: those it lacks are deleted there. */
export class SeenIds {
  readonly #db: Database;
  readonly #seal: Seal;

  constructor(db: Database, seal: Seal) {
    this.#db = db;
    this.#seal = seal;
  }

  /** Notes the ids that a full read of a system has met. */
  async note(
    { no }: EntityRef,
    run: string,
    system: string,
    ids: readonly string[],
  ): Promise<void> {
    if (ids.length === 0) return;
    const hashes = idHashes(
      this.#seal,
      no,
      ids.map((id) => ({ system, id })),
    );
    await sql`insert into entity_seen (run, source, hash)
      select ${run}, ${system}, h.hash from ${rowsOf({ hash: hashes })} h
      on conflict do nothing`.execute(this.#db);
  }

  /** Counts the ids of a system that a full read has not met (`unseen`), all that are known (`of`), and those it has met (`seen`). */
  async count(
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
  async missing(
    { no, codec }: EntityRef,
    run: string,
    system: string,
    limit: number,
  ): Promise<string[]> {
    const { rows } = await sql<{ data: Buffer }>`
      select i.data from entity_ids i where i.entity = ${no} and i.system = ${system}
        and not exists (select from entity_seen s where s.run = ${run} and s.source = ${system} and s.hash = i.hash)
      limit ${limit}`.execute(this.#db);
    return rows.map(({ data }) => (codec.decode(data) as { id: string }).id);
  }

  /** Forgets what full reads of a cycle have met. */
  async drop(run: string): Promise<void> {
    await this.#db.deleteFrom('entity_seen').where('run', '=', run).execute();
  }
}
