import type { JobDestination } from '../../../src/connectors/contract/jobs.ts';
import type { WriteResult } from '../../../src/connectors/contract/records.ts';
import type { DecidedOperation } from '../../../src/engine/match/match.ts';
import { RejectedError } from '../../../src/model/failure.ts';
import { faultPoint } from '../../../src/model/fault-point.ts';
import type { JournalEntry, JournalOutcome } from '../../../src/store/runs/journal.ts';
import type { Job } from '../../../src/store/runs/jobs.ts';
import { isWithoutEffect, watchedCalls } from '../../export/watched-calls.ts';
import { intoBatches, numberOperations, type Numbered } from '../../export/write-batches.ts';
import { inTurns } from '../../host/in-turns.ts';
import type { KeyedWork, FailedOperation } from '../keyed/keyed-work.ts';
import type { Step, Waiting } from '../path.ts';
import { againMs, referenceOf } from './submitted.ts';

/**
 * Writes a chunk's operations as jobs, one for each kind of operation or more where they are many. Each is submitted once
 * and noted before anything waits; while one runs, the step returns and comes again. What a job refuses is a record error:
 * jobs are not made again within a run, the next run or `retry-errors` sends those records anew.
 */
export async function exportJobs(
  work: KeyedWork<JobDestination>,
  step: Step,
  planned: readonly DecidedOperation[],
): Promise<FailedOperation[] | Waiting> {
  const { run, chunk, token } = step;
  const owner = { run, no: chunk, token };
  const operations = await inTurns(numberOperations(planned, owner));
  const parts = intoBatches(operations, work.destination.batch);
  const known = new Map(
    (await work.store.jobs.list(run, chunk, 'export')).map((job) => [job.part, job]),
  );
  const exporter = new JobExporter(work, step, planned);
  const waits: number[] = [];
  for (const [part, { operations: some }] of parts.entries()) {
    const wait = await exporter.advance(part, some, known.get(part));
    if (wait !== null) waits.push(wait);
  }
  if (waits.length > 0) return { waitMs: Math.min(...waits) };
  return failedOf(operations, await work.store.journal.read(run, chunk));
}

class JobExporter {
  readonly #work: KeyedWork<JobDestination>;
  readonly #step: Step;
  readonly #planned: readonly DecidedOperation[];

  constructor(work: KeyedWork<JobDestination>, step: Step, planned: readonly DecidedOperation[]) {
    this.#work = work;
    this.#step = step;
    this.#planned = planned;
  }

  /** Takes a job a step further; returns when to come again, in milliseconds, or null when it is done. */
  async advance(
    part: number,
    operations: readonly Numbered[],
    known: Job | undefined,
  ): Promise<number | null> {
    if (known?.done === true) return null;
    const { destination, ends, store } = this.#work;
    const { signal } = this.#step;
    const calls = ends.callDestination({ signal });
    const name = `${this.#step.run}-${this.#step.chunk}-${part}`;
    const submission = { owner: this.#owner, part, kind: 'export' as const, name };
    try {
      const job = await referenceOf(store.jobs, submission, known, destination, calls, () =>
        this.#submit(part, operations, name),
      );
      if (job === null) {
        await this.#note(part, operations, []);
        return null;
      }
      const progress = await destination.poll(job, calls);
      if (!progress.done) return againMs(known?.submittedAt, progress.againMs);
      await this.#note(part, operations, await destination.results(job, operations, calls));
      return null;
    } catch (error) {
      if (!(error instanceof RejectedError)) throw error;
      const { code, message, field } = error;
      const refusal = { ok: false, class: 'record', code, message } as const;
      const result: WriteResult = field === undefined ? refusal : { ...refusal, field };
      await this.#note(
        part,
        operations,
        operations.map(() => result),
      );
      return null;
    }
  }

  /**
   * Submits a job if the chunk is still the attempt's own (R6); its operations are noted as sent. Where nothing was sent, or
   * it had no effect, the notes are taken back, so that the next attempt submits it.
   */
  async #submit(part: number, operations: readonly Numbered[], name: string): Promise<string> {
    const { destination, ends, store } = this.#work;
    const { signal } = this.#step;
    const numbers = operations.map(({ seq }) => seq);
    const sent = numbers.map((seq): JournalEntry => ({ seq, outcome: null }));
    const fence = () => store.journal.write(this.#owner, { entries: sent });
    const calls = ends.callDestination({ signal, repeatable: false, fence });
    const wire = { isBusy: false };
    try {
      return await destination.submit(operations, name, watchedCalls(calls, wire));
    } catch (error) {
      if (!wire.isBusy || isWithoutEffect(error)) {
        await store.journal.write(this.#owner, { entries: [], retracted: numbers });
        await store.jobs.withdraw(this.#owner, part, 'export');
      }
      throw error;
    }
  }

  /** Makes the results of a job durable, then that it is done. */
  async #note(
    part: number,
    operations: readonly Numbered[],
    results: readonly WriteResult[],
  ): Promise<void> {
    const { books, store } = this.#work;
    const entries = operations.map(({ seq }, index): JournalEntry => ({
      seq,
      outcome: outcomeOf(results[index]),
    }));
    const learn = books.learner(this.#planned);
    await store.journal.write(this.#owner, { entries }, learn && ((db) => learn(entries, db)));
    faultPoint('job.after-results');
    await store.jobs.done(this.#owner, part, 'export');
  }

  get #owner() {
    const { run, chunk, token } = this.#step;
    return { run, no: chunk, token };
  }
}

/** What the journal keeps of a result; none: nobody knows what became of the operation. */
function outcomeOf(result: WriteResult | undefined): JournalOutcome {
  if (result === undefined) {
    const message = 'the answer was lost: the record may or may not have been written';
    return { ok: false, code: 'unknown_outcome', message, retryable: true };
  }
  if (result.ok) return result;
  const { code, message, field } = result;
  return { ok: false, code, message, retryable: true, ...(field !== undefined && { field }) };
}

function failedOf(
  operations: readonly Numbered[],
  journal: readonly JournalEntry[],
): FailedOperation[] {
  const outcomes = new Map(journal.map(({ seq, outcome }) => [seq, outcome]));
  return operations.flatMap(({ seq, key, operation }): FailedOperation[] => {
    const outcome = outcomes.get(seq);
    if (outcome === undefined || outcome === null)
      throw new Error(`operation ${seq} has no outcome`);
    if (outcome.ok) return [];
    const { ok: _ok, ...why } = outcome;
    return [{ operation, error: { key, operation, ...why } }];
  });
}
