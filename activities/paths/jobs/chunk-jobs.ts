import type { Calls } from '../../../src/connectors/contract/calls.ts';
import { jobLost, type JobReference } from '../../../src/connectors/contract/job.ts';
import type { JobDestination } from '../../../src/connectors/contract/jobs.ts';
import type { WriteResult } from '../../../src/connectors/contract/records.ts';
import type { DecidedOperation } from '../../../src/engine/match/match.ts';
import { ConfigError, RejectedError } from '../../../src/model/failure.ts';
import { faultPoint } from '../../../src/model/fault-point.ts';
import type { JournalEntry, JournalOutcome } from '../../../src/store/runs/journal.ts';
import type { Job } from '../../../src/store/runs/jobs.ts';
import { intoBatches, numberOperations, type Numbered } from '../keyed/write-batches.ts';
import { inTurns } from '../../host/in-turns.ts';
import type { KeyedWork } from '../keyed/keyed-work.ts';
import type { Waiting } from '../path.ts';
import type { Step } from '../step.ts';
import { againMs, isLost, referenceOf, submitOnce, type Submission } from './submitted.ts';

/** Longer than this nobody waits for a job whose run is over. Milliseconds. */
const mostAgeMs = 24 * 3_600_000;

/** A job of a chunk with the operations that it does. */
interface Part {
  readonly submission: Submission;
  readonly operations: readonly Numbered[];
  /** The job as the state database knows it; undefined when it was never about to be submitted. */
  readonly known: Job | undefined;
}

/**
 * The jobs of a chunk: one for each kind of operation, or more where they are many. Which operations a job does follows from
 * the chunk alone, so every attempt finds the same jobs. Each is submitted once, asked about, and its results are noted in
 * the journal before it counts as done.
 */
export class ChunkJobs {
  readonly operations: readonly Numbered[];
  readonly #work: KeyedWork<JobDestination>;
  readonly #step: Step;
  readonly #planned: readonly DecidedOperation[];
  readonly #parts: readonly Part[];

  private constructor(
    work: KeyedWork<JobDestination>,
    step: Step,
    planned: readonly DecidedOperation[],
    operations: readonly Numbered[],
    parts: readonly Part[],
  ) {
    this.#work = work;
    this.#step = step;
    this.#planned = planned;
    this.operations = operations;
    this.#parts = parts;
  }

  /** @param planned the chunk's operations, in their order */
  static async open(
    work: KeyedWork<JobDestination>,
    step: Step,
    planned: readonly DecidedOperation[],
  ): Promise<ChunkJobs> {
    const { run, chunk: no, token } = step;
    const owner = { run, no, token };
    const operations = await inTurns(numberOperations(planned, owner));
    const noted = await work.store.jobs.list(run, no, 'export');
    const parts = intoBatches(operations, work.destination.batch).map((batch, part): Part => {
      const submission = { owner, part, kind: 'export', name: `${run}-${no}-${part}` } as const;
      const known = noted.find((job) => job.part === part);
      return { submission, operations: batch.operations, known };
    });
    return new ChunkJobs(work, step, planned, operations, parts);
  }

  /** Takes each job a step further: submits it, asks about it, notes its results. Returns when to come again; null when all are done. */
  advance(): Promise<Waiting | null> {
    return this.#each((part) => this.#advance(part));
  }

  /** The same for jobs of a run that is over: none is submitted any more. */
  settle(): Promise<Waiting | null> {
    return this.#each((part) => this.#settle(part));
  }

  async #each(take: (part: Part) => Promise<Waiting | null>): Promise<Waiting | null> {
    const waits: Waiting[] = [];
    for (const part of this.#parts) {
      const wait = part.known?.done === true ? null : await take(part);
      if (wait !== null) waits.push(wait);
    }
    const [first] = waits.toSorted((a, b) => a.waitMs - b.waitMs);
    return first ?? null;
  }

  async #advance(part: Part): Promise<Waiting | null> {
    const { store, destination } = this.#work;
    const { submission, known } = part;
    try {
      const job = await referenceOf(store.jobs, submission, known, destination, this.#calls, () =>
        this.#submit(part),
      );
      return await this.#ask(part, job);
    } catch (error) {
      if (!(error instanceof RejectedError)) throw error;
      const { code, message, field } = error;
      const refusal = { ok: false, class: 'record', code, message } as const;
      return this.#note(part, field === undefined ? refusal : { ...refusal, field });
    }
  }

  async #settle(part: Part): Promise<Waiting | null> {
    const { known, submission, operations } = part;
    // It was never submitted: nothing of it was noted.
    if (known === undefined) return null;
    const { destination, store } = this.#work;
    const asked = known.reference ?? (await destination.find?.(submission.name, this.#calls));
    if (asked === null) {
      const retracted = operations.map(({ seq }) => seq);
      await store.journal.write(submission.owner, { entries: [], retracted });
      await store.jobs.withdraw(submission.owner, submission.part, submission.kind);
      return null;
    }
    try {
      const wait = await this.#ask(part, asked ?? null);
      const isOld = Date.now() - known.submittedAt.getTime() > mostAgeMs;
      return wait !== null && isOld ? await this.#note(part, unknown) : wait;
    } catch (error) {
      // It failed as a whole, and nobody will know more of its records.
      const isFinal = error instanceof ConfigError && error.code !== 'credentials';
      if (isFinal || error instanceof RejectedError) return this.#note(part, unknown);
      throw error;
    }
  }

  /** Asks how a job is doing, and notes its results when it is done. @param job null: nobody can be asked about it */
  async #ask(part: Part, job: JobReference | null): Promise<Waiting | null> {
    if (job === null) return this.#note(part, unknown);
    const { destination, ends } = this.#work;
    const { submission, known, operations } = part;
    try {
      const progress = await destination.poll(job, this.#calls);
      if (!progress.done) {
        const { connection } = ends.plan.spec.destination;
        const waitMs = againMs(known?.submittedAt, progress.againMs);
        return { waitMs, job: { name: submission.name, connection } };
      }
      return await this.#note(part, await destination.results(job, operations, this.#calls));
    } catch (error) {
      if (isLost(error)) return this.#note(part, lost);
      throw error;
    }
  }

  /** Submits a job if the chunk is still the attempt's own (R6); its operations are noted as sent before it starts. */
  #submit({ submission, operations }: Part): Promise<JobReference> {
    const { destination, ends, store } = this.#work;
    const { owner, name } = submission;
    const numbers = operations.map(({ seq }) => seq);
    const sent = numbers.map((seq): JournalEntry => ({ seq, outcome: null }));
    const fence = () => store.journal.write(owner, { entries: sent });
    const calls = ends.callDestination({ signal: this.#step.signal, repeatable: false, fence });
    return submitOnce(
      store.jobs,
      submission,
      destination,
      calls,
      (once) => destination.submit(operations, name, once),
      () => store.journal.write(owner, { entries: [], retracted: numbers }),
    );
  }

  /** Makes the results of a job durable, then that it is done. @param results of each operation, or of all alike */
  async #note(
    { submission, operations }: Part,
    results: readonly WriteResult[] | WriteResult,
  ): Promise<null> {
    const { books, store } = this.#work;
    const { owner, part, kind } = submission;
    const entries = operations.map(({ seq }, index): JournalEntry => ({
      seq,
      outcome: outcomeOf('ok' in results ? results : (results[index] ?? unknown)),
    }));
    const learn = books.learner(this.#planned);
    await store.journal.write(owner, { entries }, learn && ((db) => learn(entries, db)));
    faultPoint('job.after-results');
    await store.jobs.done(owner, part, kind);
    return null;
  }

  get #calls(): Calls {
    return this.#work.ends.callDestination({ signal: this.#step.signal });
  }
}

const unknown: WriteResult = {
  ok: false,
  class: 'record',
  code: 'unknown_outcome',
  message: 'the answer was lost: the record may or may not have been written',
};

const lost: WriteResult = {
  ok: false,
  class: 'record',
  code: jobLost,
  message: 'the system has lost the job: the record may or may not have been written',
};

/** The journal's outcome for a result. A failed operation may always be retried. */
function outcomeOf(result: WriteResult): JournalOutcome {
  if (result.ok) return result;
  const { code, message, field } = result;
  return { ok: false, code, message, retryable: true, ...(field !== undefined && { field }) };
}
