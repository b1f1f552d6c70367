import { sql } from 'kysely';
import type { Database } from '../database/database.ts';
import type { Seal } from '../sealing/seal.ts';
import { SupersededError } from './fencing.ts';

/** A long job at another system, as its run knows it. */
export interface Job {
  /** `import` jobs make a source ready, `export` jobs write a chunk. */
  readonly kind: 'import' | 'export';
  /** Its number among those of the chunk. */
  readonly part: number;
  /** The name that it is submitted under. */
  readonly submission: string;
  /** The system's own name of it; null while nobody knows whether it was submitted, and of one that the system lost. */
  readonly reference: string | null;
  /** True when nothing of it is left to be asked for. */
  readonly done: boolean;
  readonly submittedAt: Date;
}

/** The chunk that a job belongs to, and the attempt that owns it (R6). */
export interface JobOwner {
  readonly run: string;
  readonly no: number;
  readonly token: number;
}

/**
 * The long jobs of runs, noted before and after they are submitted, so that a job whose worker died is found again. Each
 * write checks the owner's token (R6). References are sealed at rest.
 */
export class Jobs {
  readonly #db: Database;
  readonly #seal: Seal;

  constructor(db: Database, seal: Seal) {
    this.#db = db;
    this.#seal = seal;
  }

  /** The jobs of a chunk, by part. */
  async list(run: string, no: number, kind: Job['kind']): Promise<Job[]> {
    const rows = await this.#db
      .selectFrom('jobs')
      .select(['kind', 'part', 'submission', 'reference', 'done', 'submitted_at as submittedAt'])
      .where('run', '=', run)
      .where('no', '=', no)
      .where('kind', '=', kind)
      .orderBy('part')
      .execute();
    return rows.map((row) => ({ ...row, reference: this.#seal.openText(row.reference) }));
  }

  /** Notes that a job is about to be submitted. @throws SupersededError */
  async announce(
    owner: JobOwner,
    part: number,
    kind: Job['kind'],
    submission: string,
  ): Promise<void> {
    await this.#write(
      owner,
      sql`insert into jobs (run, no, kind, part, submission)
        select ${owner.run}, ${owner.no}, ${kind}, ${part}, ${submission} from owner
        on conflict (run, no, kind, part) do update set submitted_at = now()`,
    );
  }

  /** Takes back the note of a job that was certainly not submitted. @throws SupersededError */
  async withdraw(owner: JobOwner, part: number, kind: Job['kind']): Promise<void> {
    await this.#write(
      owner,
      sql`delete from jobs using owner
        where run = ${owner.run} and no = ${owner.no} and kind = ${kind} and part = ${part}
          and reference is null`,
    );
  }

  /** Notes the reference of a submitted job. @throws SupersededError */
  async submitted(
    owner: JobOwner,
    part: number,
    kind: Job['kind'],
    reference: string,
  ): Promise<void> {
    await this.#write(
      owner,
      sql`update jobs set reference = ${this.#seal.seal(reference)} from owner
        where run = ${owner.run} and no = ${owner.no} and kind = ${kind} and part = ${part}`,
    );
  }

  /** Notes that nothing of a job is left to be asked for. @throws SupersededError */
  async done(owner: JobOwner, part: number, kind: Job['kind']): Promise<void> {
    await this.#write(
      owner,
      sql`update jobs set done = true from owner
        where run = ${owner.run} and no = ${owner.no} and kind = ${kind} and part = ${part}`,
    );
  }

  /** Notes that the system knows a job no longer, so that another one may take its place. @throws SupersededError */
  async lost(owner: JobOwner, part: number, kind: Job['kind']): Promise<void> {
    await this.#write(
      owner,
      sql`update jobs set done = true, reference = null from owner
        where run = ${owner.run} and no = ${owner.no} and kind = ${kind} and part = ${part}`,
    );
  }

  /**
   * True while a job that writes records of the run may be under way.
   * @param no only jobs of this chunk
   */
  async areUnderWay(run: string, no?: number): Promise<boolean> {
    const { rows } = await sql`
      select 1 from jobs where run = ${run} and kind = 'export' and not done
        and (${no ?? null}::int is null or no = ${no ?? null}) limit 1`.execute(this.#db);
    return rows.length > 0;
  }

  /** True while a job may be under way that writes records of a run of the sync, though the run may be over. */
  async areWritingFor(sync: string): Promise<boolean> {
    const { rows } = await sql`
      select 1 from jobs j join runs r on r.id = j.run
      where r.sync = ${sync} and r.tidied_at is null and j.kind = 'export' and not j.done limit 1`.execute(
      this.#db,
    );
    return rows.length > 0;
  }

  /** Gives up the jobs of a run that is over: nobody can be asked about them any more. */
  async giveUp(run: string): Promise<void> {
    await sql`update jobs set done = true where run = ${run}`.execute(this.#db);
  }

  async #write({ run, no, token }: JobOwner, change: ReturnType<typeof sql>): Promise<void> {
    const { rows } = await sql`
      with owner as (select 1 from chunks
        where run = ${run} and reading = '' and no = ${no} and token = ${token} for share),
      changed as (${change})
      select 1 from owner`.execute(this.#db);
    if (rows.length === 0) throw new SupersededError(run, no);
  }
}
