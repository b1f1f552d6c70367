import { performance } from 'node:perf_hooks';
import type { WriteBatch } from './write-batches.ts';

/** Calls that fail in a row, over some time, before the destination is taken for down. */
const mostStumbles = 8;
const quietMs = 2000;
/** From this attempt on, a few records that still fail are to blame, if the rest of the chunk was taken. */
const lateAttempt = 3;

/** Tells a destination that is down from one that fails on certain records. */
export class Outage {
  readonly #attempt: number;
  readonly #probe: (job: WriteBatch) => Promise<boolean>;
  #fewLeft = false;
  #stumbles = 0;
  #succeededAt: number | undefined;
  readonly #startedAt = performance.now();

  /** @param probe asks the destination for something harmless; false: it does not answer, or cannot be asked */
  constructor(attempt: number, probe: (job: WriteBatch) => Promise<boolean>) {
    this.#attempt = attempt;
    this.#probe = probe;
  }

  /** Says how many of the chunk's operations are still to be sent. */
  begin(left: number, of: number): void {
    this.#fewLeft = left < mostStumbles && left < of;
  }

  /** Whether one call has to go through before more of a risky kind are sent: an outage may last since the attempt before. */
  isCautious(risky: boolean): boolean {
    return risky && this.#attempt > 1 && this.#succeededAt === undefined;
  }

  succeeded(): void {
    this.#stumbles = 0;
    this.#succeededAt = performance.now();
  }

  /** Notes that a call failed; returns whether the destination is down. */
  async stumbled(job: WriteBatch, risky: boolean): Promise<boolean> {
    const now = performance.now();
    job.failedAt ??= now;
    if (this.#wentWellSince(job.failedAt)) return false;
    this.#stumbles += 1;
    const isLong =
      this.#stumbles >= mostStumbles && now - (this.#succeededAt ?? this.#startedAt) > quietMs;
    if (!isLong && !this.isCautious(risky)) return false;
    return !(await this.#isAlive(job));
  }

  /** Whether the destination took others since it first failed on these, so that they are to blame. */
  async isElsewhereWell(job: WriteBatch): Promise<boolean> {
    if (job.failedAt !== undefined && this.#wentWellSince(job.failedAt)) return true;
    return (this.#fewLeft && this.#attempt >= lateAttempt) || this.#isAlive(job);
  }

  #wentWellSince(time: number): boolean {
    return this.#succeededAt !== undefined && this.#succeededAt > time;
  }

  async #isAlive(job: WriteBatch): Promise<boolean> {
    if (!(await this.#probe(job))) return false;
    this.succeeded();
    return true;
  }
}
