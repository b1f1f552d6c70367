import { sql } from 'kysely';
import type { Database } from '../database/database.ts';
import { type ChunkOwner, SupersededError } from './fencing.ts';
import type { JsonObject } from '../../model/json.ts';
import { inTheClear } from '../sealing/key-ring.ts';
import { rowsOf } from '../database/rows-of.ts';
import type { Seal } from '../sealing/seal.ts';

/** The end of one operation. */
export type JournalOutcome =
  | {
      readonly ok: true;
      readonly id?: string;
      /** The written fields as the record holds them now. Only known until the outcome is durable. */
      readonly stored?: JsonObject;
    }
  | {
      readonly ok: false;
      readonly code: string;
      readonly message: string;
      readonly field?: string;
      readonly retryable: boolean;
    };

/** An operation of a chunk that was sent: its outcome, or null while nothing was heard. */
export interface JournalEntry {
  readonly seq: number;
  readonly outcome: JournalOutcome | null;
}

/**
 * The operations that exports have sent, and their outcomes, so that a retried export repeats nothing that was acknowledged and
 * knows what it does not know. Each write checks the owner's token (R6). Outcomes are sealed at rest.
 */
export class Journal {
  readonly #db: Database;
  readonly #seal: Seal;

  constructor(db: Database, seal: Seal) {
    this.#db = db;
    this.#seal = seal;
  }

  async read(run: string, no: number): Promise<JournalEntry[]> {
    const rows = await this.#db
      .selectFrom('journal')
      .select(['seq', 'outcome'])
      .where('run', '=', run)
      .where('no', '=', no)
      .orderBy('seq')
      .execute();
    return rows.map(({ seq, outcome }) => ({
      seq,
      outcome:
        outcome === null
          ? null
          : (JSON.parse(this.#seal.open(outcome).toString()) as JournalOutcome),
    }));
  }

  /**
   * Notes entries and forgets retracted ones that have no outcome, all or nothing. With nothing to note it only checks
   * the token.
   * @param also more to do in the same transaction, for the owner only
   * @throws SupersededError when `token` is no longer the chunk's
   */
  async write(
    chunk: ChunkOwner,
    {
      entries,
      retracted = [],
    }: { entries: readonly JournalEntry[]; retracted?: readonly number[] },
    also?: (db: Database) => Promise<void>,
  ): Promise<void> {
    if (also === undefined || entries.length === 0)
      return this.#write(this.#db, chunk, entries, retracted);
    await this.#db.transaction().execute(async (tx) => {
      await this.#write(tx, chunk, entries, retracted);
      await also(tx);
    });
  }

  async #write(
    db: Database,
    { run, no, token }: ChunkOwner,
    entries: readonly JournalEntry[],
    retracted: readonly number[],
  ): Promise<void> {
    const noted = rowsOf({
      seq: { type: 'bigint', values: entries.map(({ seq }) => seq) },
      plain: { type: 'boolean', values: entries.map(({ outcome }) => isPlain(outcome)) },
      outcome: this.#seal.sealAll(
        entries.map(({ outcome }) => (outcome === null || isPlain(outcome) ? null : kept(outcome))),
      ),
    });
    const { rows } = await sql`
      with owner as (select 1 from chunks
        where run = ${run} and reading = '' and no = ${no} and token = ${token} for share),
      gone as (delete from journal using owner
        where run = ${run} and no = ${no} and seq = any(${retracted}::int[]) and outcome is null),
      noted as (insert into journal (run, no, seq, outcome)
        select ${run}, ${no}, e.seq, case when e.plain then ${success}::bytea else e.outcome end from owner, ${noted} e
        on conflict (run, no, seq) do update set outcome = excluded.outcome)
      select 1 from owner`.execute(db);
    if (rows.length === 0) throw new SupersededError(run, no);
  }
}

/** Returns an outcome as it is kept: without the values of the record. */
function kept(outcome: JournalOutcome): string {
  return JSON.stringify(outcome.ok ? { ...outcome, stored: undefined } : outcome);
}

/** A success without an id tells nothing that must be hidden. */
function isPlain(outcome: JournalOutcome | null): boolean {
  return outcome?.ok === true && outcome.id === undefined;
}

const success = Buffer.concat([inTheClear, Buffer.from(JSON.stringify({ ok: true }))]);
