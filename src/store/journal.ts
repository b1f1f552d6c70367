import { sql } from 'kysely';
import type { Database } from './database.ts';
import { SupersededError } from './chunks.ts';

/** How one operation ended. */
export type JournalOutcome =
  | { readonly ok: true; readonly id?: string }
  | {
      readonly ok: false;
      readonly code: string;
      readonly message: string;
      readonly field?: string;
      readonly retryable: boolean;
    };

/** What is known of one operation of a chunk: how it ended, or null when it was sent and nothing was heard. */
export interface JournalEntry {
  readonly seq: number;
  readonly outcome: JournalOutcome | null;
}

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

  /** The chunks of a run that are journalled: those whose export has begun and not ended. */
  async chunks(run: string): Promise<number[]> {
    const { rows } = await sql<{ no: number }>`
      select distinct no from journal where run = ${run} order by no`.execute(this.#db);
    return rows.map(({ no }) => no);
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

  /** Takes back what was noted as sent: it turned out that it had no effect. */
  async forget(
    chunk: { run: string; no: number; token: number },
    seqs: readonly number[],
  ): Promise<void> {
    await sql`
      delete from journal j using chunks c
      where c.run = ${chunk.run} and c.no = ${chunk.no} and c.token = ${chunk.token}
        and j.run = c.run and j.no = c.no and j.seq = any(${seqs}::int[]) and j.outcome is null`.execute(
      this.#db,
    );
  }
}
