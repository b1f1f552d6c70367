import type { JsonObject } from '../../src/model/json.ts';
import type { JobRecords } from './job-records.ts';

/** Ingest jobs write records, query jobs export them. */
export type JobKind = 'ingest' | 'query';

/** What a job is created with. */
export interface JobSpec {
  readonly object: string;
  /** The client's own name of the job, by which it can be found. */
  readonly name: string;
  /** Of an ingest job. */
  readonly operation?: 'insert' | 'update' | 'delete' | 'archive';
  /** Of a query job: the fields that are wanted, and the range of one of them. */
  readonly fields?: readonly string[];
  readonly range?: { readonly field: string; readonly from?: string; readonly to?: string };
}

/** A job as its client sees it. */
export interface JobView {
  readonly id: string;
  readonly name: string;
  /** `Open` → `UploadComplete` → `InProgress` → `JobComplete`; or `Aborted`, from `Open` alone. */
  readonly state: 'Open' | 'UploadComplete' | 'InProgress' | 'JobComplete' | 'Aborted';
}

interface Job {
  readonly kind: JobKind;
  readonly spec: JobSpec;
  view: JobView;
  rows: readonly JsonObject[];
  results: readonly JsonObject[];
  /** When it is done at the earliest, `Date.now()`, and the polls that it is running still at. */
  dueAt: number;
  polls: number;
}

/** The jobs of a job system. One is worked on when time has come and anything is asked. */
export class Jobs {
  readonly #records: JobRecords;
  readonly #jobMs: number;
  readonly #jobs = new Map<string, Job>();
  #slow: number[] = [];
  #last = 0;
  #started = { ingest: 0, query: 0 };

  constructor(records: JobRecords, jobMs: number) {
    this.#records = records;
    this.#jobMs = jobMs;
  }

  /** The next jobs that start are running still at so many polls. */
  slow(jobs: number, polls: number): void {
    this.#slow.push(...Array.from({ length: jobs }, () => polls));
  }

  clear(): void {
    this.#jobs.clear();
    this.#slow = [];
    this.#started = { ingest: 0, query: 0 };
  }

  /** Knows the jobs of a kind no longer; what they have not done yet is never done. */
  forget(kind: JobKind): void {
    for (const [id, job] of this.#jobs) if (job.kind === kind) this.#jobs.delete(id);
  }

  /** How many jobs were started. */
  get started(): Readonly<Record<JobKind, number>> {
    return this.#started;
  }

  /** A query job starts at once. */
  create(kind: JobKind, spec: JobSpec): JobView {
    const id = `${kind}-${(this.#last += 1)}`;
    const view: JobView = { id, name: spec.name, state: 'Open' };
    this.#jobs.set(id, { kind, spec, view, rows: [], results: [], dueAt: 0, polls: 0 });
    return kind === 'query' ? this.#start(id) : view;
  }

  named(kind: JobKind, name: string): JobView[] {
    const all = [...this.#jobs.values()];
    return all.filter((job) => job.kind === kind && job.spec.name === name).map(({ view }) => view);
  }

  get(kind: JobKind, id: string): JobView | undefined {
    const job = this.#jobs.get(id);
    return job?.kind === kind ? job.view : undefined;
  }

  /** Null where the job takes no rows any more. */
  fill(id: string, rows: readonly JsonObject[]): JobView | null {
    const job = this.#job(id);
    if (job.view.state !== 'Open') return null;
    job.rows = rows;
    return job.view;
  }

  /** Null where a job of its state cannot get there. */
  move(id: string, state: JobView['state']): JobView | null {
    const job = this.#job(id);
    if (job.view.state !== 'Open') return null;
    if (state === 'UploadComplete') return this.#start(id);
    if (state !== 'Aborted') return null;
    return (job.view = { ...job.view, state });
  }

  poll(id: string): JobView {
    const job = this.#job(id);
    if (job.view.state === 'InProgress' && job.polls > 0) job.polls -= 1;
    return job.view;
  }

  results(id: string): readonly JsonObject[] {
    return this.#job(id).results;
  }

  /** Does what is due. */
  settle(): void {
    for (const job of this.#jobs.values()) {
      const { state } = job.view;
      if (state === 'UploadComplete') job.view = { ...job.view, state: 'InProgress' };
      if (job.view.state !== 'InProgress' || job.polls > 0 || Date.now() < job.dueAt) continue;
      job.view = { ...job.view, state: 'JobComplete' };
      job.results = this.#work(job);
    }
  }

  #start(id: string): JobView {
    const job = this.#job(id);
    this.#started[job.kind] += 1;
    job.dueAt = Date.now() + this.#jobMs;
    job.polls = this.#slow.shift() ?? 0;
    return (job.view = { ...job.view, state: 'UploadComplete' });
  }

  #work({ kind, spec, rows }: Job): JsonObject[] {
    if (kind === 'query') return this.#records.query(spec.object, spec.fields ?? [], spec.range);
    const { operation = 'insert' } = spec;
    return rows.map((row) => this.#records.write(spec.object, operation, row));
  }

  #job(id: string): Job {
    const job = this.#jobs.get(id);
    if (job === undefined) throw new Error(`there is no job ${id}`);
    return job;
  }
}
