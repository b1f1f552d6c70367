import { sql } from 'kysely';
import type {
  Run,
  RunFailure,
  RunOutcome,
  RunPhase,
  RunStatus,
  RunWarning,
} from '../../model/run.ts';
import type { Database } from '../database/database.ts';
import type { Seal } from '../sealing/seal.ts';

/** The end of a run. */
export interface RunEnd {
  readonly status: 'completed' | 'failed' | 'cancelled';
  readonly outcome: RunOutcome | null;
  readonly failure: RunFailure | null;
  readonly watermark: string | null;
}

/** A step that waits until later than this has left its worker, and waits in its workflow. */
const inWorker = sql`now() + interval '20 s'`;

/** The progress of runs, as their workflows and activities note it. A run that is over stays as it is. */
export class RunProgress {
  readonly #db: Database;
  readonly #seal: Seal;

  constructor(db: Database, seal: Seal) {
    this.#db = db;
    this.#seal = seal;
  }

  /** Notes that a cycle has begun, and with what entity it goes on to its end. */
  async beginCycle(id: string): Promise<void> {
    await sql`
      update runs set status = 'running', entity_spec = (select spec from entities where id = runs.entity)
      where id = ${id} and status = 'pending'`.execute(this.#db);
  }

  /** Notes a change of status or phase. */
  async note(
    id: string,
    change: { status: RunStatus; phase: RunPhase; removal?: Run['removal'] },
  ): Promise<void> {
    const { status, phase, removal } = change;
    await this.#open(id)
      .set({
        status,
        phase,
        ...(status === 'paused' && { steered_at: sql<Date>`now()` }),
        ...(removal !== undefined && removal !== null && { removal: JSON.stringify(removal) }),
      })
      .execute();
  }

  /** Notes the phase that a step begins. */
  async enter(id: string, phase: RunPhase): Promise<void> {
    await this.#open(id).set({ phase }).where('phase', '<>', phase).execute();
  }

  /** Notes facts that the user should know although nothing failed. They take the place of earlier ones. */
  async warn(id: string, warnings: readonly RunWarning[]): Promise<void> {
    await this.#open(id)
      .set({ warnings: JSON.stringify(warnings) })
      .execute();
  }

  /** Notes whether the sources hold more than the cycle reads. */
  async noteMore(id: string, more: boolean): Promise<void> {
    await this.#open(id).set({ more }).execute();
  }

  /** Notes that the run is to stop what it does: its activities are about to be told. */
  async steer(id: string): Promise<void> {
    await this.#db
      .updateTable('runs')
      .set({ steered_at: sql<Date>`now()` })
      .where('id', '=', id)
      .execute();
  }

  /** Filters runs: returns the ones that were steered within the last 10 s. */
  async steered(ids: readonly string[]): Promise<string[]> {
    const { rows } = await sql<{ id: string }>`
      select id from runs where id = any(${ids}::text[]) and steered_at > now() - interval '10 s'`.execute(
      this.#db,
    );
    return rows.map(({ id }) => id);
  }

  /**
   * Notes until when the run waits for a system.
   * @param sure false: only what a step waits for within its worker is replaced, not the longer wait of a step that left it
   */
  async waitUntil(id: string, until: Date | null, sure = true): Promise<void> {
    await sql`update runs set waiting_until = ${until}
      where id = ${id} and waiting_until is distinct from ${until}::timestamptz
        and (${sure} or waiting_until is null or waiting_until < ${inWorker})`.execute(this.#db);
  }

  /** Notes that the run's systems fail; returns since when, in milliseconds of age. */
  async failing(id: string): Promise<number> {
    const { rows } = await sql<{ age: number }>`
      update runs set failing_since = coalesce(failing_since, now()) where id = ${id}
      returning extract(epoch from now() - failing_since)::float8 * 1000 as age`.execute(this.#db);
    return rows[0]?.age ?? 0;
  }

  /** Notes that a step of the run succeeded. Another may still wait: for so long that it has left its worker. */
  async recovered(id: string): Promise<void> {
    await sql`update runs set failing_since = null,
        waiting_until = case when waiting_until < ${inWorker} then null else waiting_until end
      where id = ${id} and (failing_since is not null or waiting_until < ${inWorker})`.execute(
      this.#db,
    );
  }

  /** Ends a run, once. */
  async finish(id: string, end: RunEnd): Promise<void> {
    await this.#open(id)
      .set({
        status: end.status,
        phase: 'close',
        outcome: end.outcome,
        failure: end.failure === null ? null : JSON.stringify(end.failure),
        watermark: this.#seal.sealText(end.watermark),
        waiting_until: null,
        finished_at: sql<Date>`now()`,
      })
      .execute();
  }

  /** An update of a run that is not over. */
  #open(id: string) {
    return this.#db.updateTable('runs').where('id', '=', id).where('finished_at', 'is', null);
  }
}
