import { sql } from 'kysely';
import type { Json } from '../model/json.ts';
import type { Database } from './database.ts';
import { SupersededError } from './chunks.ts';

/** What is known of one operation of a chunk: sent (null), or how it ended. */
export type JournalEntry = { readonly seq: number; readonly outcome: Json | null };

/**
 * What an export has sent and what came back, so that a retried export repeats nothing that was acknowledged and
 * knows what it does not know. Each write checks the owner's token (R6).
 */
export class Journal {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async read(run: string, no: number): Promise<JournalEntry[]> {
    const { rows } = await sql<JournalEntry>`
      select seq, outcome from journal where run = ${run} and no = ${no} order by seq`.execute(
      this.#db,
    );
    return rows;
  }

  /** @throws SupersededError when `token` is no longer the chunk's */
  async write(
    chunk: { run: string; no: number; token: number },
    entries: readonly JournalEntry[],
  ): Promise<void> {
    const { rows } = await sql`
      with owner as (select 1 from chunks where run = ${chunk.run} and no = ${chunk.no} and token = ${chunk.token} for share)
      insert into journal (run, no, seq, outcome)
      select ${chunk.run}, ${chunk.no}, (e->>'seq')::int, nullif(e->'outcome', 'null'::jsonb)
      from owner, jsonb_array_elements(${JSON.stringify(entries)}::jsonb) e
      on conflict (run, no, seq) do update set outcome = excluded.outcome returning 1`.execute(
      this.#db,
    );
    if (rows.length === 0) throw new SupersededError(chunk.run, chunk.no);
  }
}
