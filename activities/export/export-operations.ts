import { setTimeout as sleep } from 'node:timers/promises';
import type { RecordDestination, WriteResult } from '../../src/connectors/contract/records.ts';
import { canonicalKey } from '../../src/engine/values/canonical-key.ts';
import type { DecidedOperation } from '../../src/engine/match/match.ts';
import { LimitedError, RejectedError, TransientError } from '../../src/model/failure.ts';
import type { Operation } from '../../src/model/outcome.ts';
import type { JournalOutcome as Outcome } from '../../src/store/runs/journal.ts';
import { abortedLater } from '../../src/model/abort.ts';
import { ChunkLog, type ChunkOwner } from './chunk-log.ts';
import { inTurns } from '../host/in-turns.ts';
import { lookUp } from '../paths/keyed/look-up.ts';
import type { KeyedWork, FailedOperation } from '../paths/keyed/keyed-work.ts';
import type { Ends } from '../session/ends.ts';
import type { Calls } from '../../src/connectors/contract/calls.ts';
import { Outage } from './outage.ts';
import { mostCallsAtOnce, runPool } from './pool.ts';
import { Sender } from './sender.ts';
import {
  intoBatches,
  regrouped,
  halves,
  numberOperations,
  type WriteBatch,
  type Numbered,
} from './write-batches.ts';

/** How often a record is sent, at most, when the destination fails on it while it takes others. */
const mostTries = 5;
/** The time for which a stopped export waits for the answers to calls on the wire. Milliseconds. */
const patienceMs = 5_000;
/** The longest wait for a rate limit that stays in the worker; for a longer one the activity ends. Milliseconds. */
const longestWaitMs = 20_000;

/** The terms of an export. */
interface ExportOptions {
  /** Stops the export when it is aborted: nothing more is sent. */
  readonly signal: AbortSignal;
  /** The number of the activity's attempt, from 1. */
  readonly attempt: number;
  /**
   * The first pause before records that failed are sent again, in milliseconds. Each further pause is twice as long, up
   * to 16 times the first. Default 500.
   */
  readonly pauseMs?: number;
}

/**
 * Writes a chunk's operations. One that was acknowledged is never sent again. Outcomes are journalled in groups; a
 * create that cannot be repeated is journalled before it is sent. However the export ends, the outcomes known by then
 * are durable.
 * @returns the operations that failed
 * @throws TransientError when the destination is down; LimitedError when it asks for a long wait; the reason of
 *   `signal`
 */
export async function exportOperations(
  work: KeyedWork<RecordDestination>,
  owner: ChunkOwner,
  planned: readonly DecidedOperation[],
  options: ExportOptions,
): Promise<FailedOperation[]> {
  const { signal } = options;
  const { journal } = work.store;
  const operations = await inTurns(numberOperations(planned, owner));
  const log = new ChunkLog(journal, owner, work.books.learner(planned));
  const writer = new Writer(work, log, operations, options);
  const stop = (): void => writer.stop(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  try {
    if (signal.aborted) stop();
    await writer.write(await journal.read(owner.run, owner.no));
  } catch (error) {
    await log.close().catch(() => undefined);
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
  await log.close();
  return writer.failed();
}

/** The reason why a record was not written. */
interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly field?: string | undefined;
}

class Writer {
  readonly #ends: Ends;
  readonly #destination: RecordDestination;
  /** The calls for look-ups. Writes go through the sender. */
  readonly #calls: Calls;
  readonly #log: ChunkLog;
  readonly #operations: readonly Numbered[];
  readonly #pauseMs: number;
  readonly #sender: Sender;
  readonly #outage: Outage;
  readonly #outcomes = new Map<number, Outcome>();
  /** The batches to send now. */
  readonly #todo: WriteBatch[] = [];
  /** The batches to send again after a pause. */
  readonly #later: WriteBatch[] = [];
  /** Refused operations that may succeed once other records are written. */
  readonly #waiting = new Map<Numbered, Refusal>();
  /** The number of operations that succeeded. */
  #landed = 0;
  /** The value of `#landed` when the waiting operations were last sent. */
  #landedBefore = 0;
  #failure: { readonly error: unknown } | undefined;
  readonly #stopped = new AbortController();

  constructor(
    { ends, destination }: KeyedWork<RecordDestination>,
    log: ChunkLog,
    operations: readonly Numbered[],
    { signal, attempt, pauseMs = 500 }: ExportOptions,
  ) {
    this.#ends = ends;
    this.#destination = destination;
    this.#calls = ends.callDestination({ signal });
    this.#log = log;
    this.#operations = operations;
    this.#pauseMs = pauseMs;
    const patience = abortedLater(signal, patienceMs);
    this.#sender = new Sender(destination, ends.callDestination, log, patience);
    this.#outage = new Outage(attempt, async (job) => this.#probe(job));
  }

  async write(journal: readonly { seq: number; outcome: Outcome | null }[]): Promise<void> {
    await this.#recall(journal);
    const left = this.#operations.filter(({ seq }) => !this.#outcomes.has(seq));
    this.#outage.begin(left.length, this.#operations.length);
    this.#todo.push(...intoBatches(left, this.#destination.batch));
    for (let wave = 0; this.#todo.length > 0; wave++) {
      const width = (): number =>
        this.#outage.isCautious(this.#isRisky('create')) ? 1 : mostCallsAtOnce;
      await runPool(this.#todo, width, (job) => this.#send(job));
      if (this.#failure !== undefined) throw this.#failure.error;
      if (this.#later.length === 0) {
        this.#tryWaiting();
        continue;
      }
      await this.#pause(wave);
      this.#todo.push(...regrouped(this.#later.splice(0), this.#destination.batch));
    }
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /**
   * Lets nothing more be sent. Calls on the wire are given a while to end: one that is cut leaves its outcome unknown.
   */
  stop(error: unknown): void {
    this.#failure ??= { error };
    this.#todo.length = 0;
    this.#stopped.abort();
    this.#sender.stop(this.#failure.error);
  }

  failed(): FailedOperation[] {
    const failed: FailedOperation[] = [];
    for (const { seq, key, operation } of this.#operations) {
      const outcome = this.#outcomes.get(seq);
      if (outcome === undefined) throw new Error(`operation ${seq} has no outcome`);
      if (outcome.ok) continue;
      const { ok: _ok, ...why } = outcome;
      failed.push({ operation, error: { key, operation, ...why } });
    }
    return failed;
  }

  /** Takes up the journal of an earlier attempt: its outcomes, and the creates that it sent without an answer. */
  async #recall(journal: readonly { seq: number; outcome: Outcome | null }[]): Promise<void> {
    const sent: Numbered[] = [];
    for (const { seq, outcome } of journal) {
      const operation = this.#operations[seq];
      if (outcome !== null) this.#outcomes.set(seq, outcome);
      else if (operation !== undefined && this.#isRisky(operation.operation)) sent.push(operation);
    }
    if (sent.length > 0) await this.#settle(sent);
  }

  /** Looks up creates that may have arrived. One whose key the destination holds did; for another nobody can tell. */
  async #settle(sent: readonly Numbered[]): Promise<void> {
    const { match } = this.#ends;
    const found = await lookUp(this.#destination, sent, this.#calls);
    const held = new Map(found.map((one) => [canonicalKey(one.key, match), one.id]));
    for (const operation of sent) {
      const id = held.get(operation.canonicalKey);
      if (id !== undefined) this.#note(operation, { ok: true, ...(id !== null && { id }) });
      else {
        const message = 'the answer was lost: the record may or may not have been created';
        this.#note(operation, { ok: false, code: 'unknown_outcome', message, retryable: true });
      }
    }
  }

  #isRisky(kind: Operation): boolean {
    return kind === 'create' && !this.#destination.idempotentCreate;
  }

  /**
   * Sends a batch. Each operation's outcome is noted, or it is queued to be sent again; other errors stop the export.
   */
  async #send(job: WriteBatch): Promise<void> {
    try {
      const risky = this.#isRisky(job.kind);
      const answer = await this.#sender.send(job.operations, !risky);
      if ('results' in answer) await this.#take(job, answer.results, risky);
      else await this.#refused(job, answer.error, risky && answer.inDoubt);
    } catch (error) {
      this.stop(error);
    }
  }

  /** Notes the outcomes of a batch that was answered record by record, and queues the rest to be sent again. */
  async #take(job: WriteBatch, results: readonly WriteResult[], risky: boolean): Promise<void> {
    this.#outage.succeeded();
    const limited: Numbered[] = [];
    const failing: Numbered[] = [];
    const doubtful: Numbered[] = [];
    const waiting: Numbered[] = [];
    for (const [index, operation] of job.operations.entries()) {
      const result = results[index];
      if (result?.ok) this.#note(operation, result);
      else if (result?.class === 'record' && result.waits === true) {
        this.#waiting.set(operation, result);
        waiting.push(operation);
      } else if (result?.class === 'record') this.#blame(operation, result);
      else if (result?.class === 'limited') limited.push(operation);
      else if (risky) doubtful.push(operation);
      else if (result !== undefined && job.tries + 1 >= mostTries) this.#blame(operation, result);
      else failing.push(operation);
    }
    const unsent = [...limited, ...waiting];
    if (risky && unsent.length > 0) this.#log.retract(unsent.map(({ seq }) => seq));
    if (limited.length > 0) this.#later.push({ ...job, operations: limited, leftOver: true });
    if (failing.length > 0)
      this.#later.push({ ...job, operations: failing, tries: job.tries + 1, leftOver: true });
    if (doubtful.length > 0) await this.#settle(doubtful);
  }

  async #refused(job: WriteBatch, error: unknown, inDoubt: boolean): Promise<void> {
    if (error instanceof RejectedError) {
      // A refusal is an answer: the destination is up. Halving isolates the records at fault.
      this.#outage.succeeded();
      if (job.operations.length > 1) this.#todo.unshift(...halves(job));
      else for (const operation of job.operations) this.#blame(operation, error);
      return;
    }
    // A call that was refused for its rate is made again when the quota allows (R9).
    if (error instanceof LimitedError && (error.retryAfterMs ?? 0) <= longestWaitMs) {
      if (this.#failure === undefined) this.#todo.unshift(job);
      return;
    }
    if (!(error instanceof TransientError)) throw error;
    if (await this.#outage.stumbled(job, this.#isRisky(job.kind))) throw error;
    if (inDoubt) return this.#settle(job.operations);
    if (job.tries + 1 < mostTries) this.#later.push({ ...job, tries: job.tries + 1 });
    else if (!(await this.#outage.isElsewhereWell(job))) throw error;
    else if (job.operations.length > 1)
      this.#todo.unshift(...halves({ ...job, tries: mostTries - 1 }));
    else for (const operation of job.operations) this.#blame(operation, error);
  }

  async #probe({ operations: [first] }: WriteBatch): Promise<boolean> {
    if (this.#destination.lookup === undefined || first === undefined) return false;
    try {
      await this.#destination.lookup([first.key], this.#calls);
      return true;
    } catch {
      return false;
    }
  }

  async #pause(wave: number): Promise<void> {
    const waitMs = this.#pauseMs * Math.min(16, 2 ** wave) * (0.5 + Math.random() / 2);
    await sleep(waitMs, undefined, { signal: this.#stopped.signal }).catch(() => undefined);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Sends the waiting operations again if any other was written since the last time; else they fail for good. */
  #tryWaiting(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    if (this.#landed === this.#landedBefore)
      for (const [operation, why] of waiting) this.#blame(operation, why);
    else
      this.#todo.push(
        ...intoBatches(
          waiting.map(([operation]) => operation),
          this.#destination.batch,
        ),
      );
    this.#landedBefore = this.#landed;
  }

  #blame(operation: Numbered, why: Refusal): void {
    const { code, message, field } = why;
    this.#note(operation, {
      ok: false,
      code,
      message,
      retryable: true,
      ...(field !== undefined && { field }),
    });
  }

  #note({ seq }: Numbered, outcome: Outcome): void {
    if (outcome.ok) this.#landed += 1;
    this.#outcomes.set(seq, outcome);
    this.#log.note([{ seq, outcome }]);
  }
}
