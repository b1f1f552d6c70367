import { performance } from 'node:perf_hooks';
import type { WriteBatch } from './write-batches.ts';

/** The number of calls that must fail in a row before the destination counts as down. */
const mostStumbles = 8;
/** The time without any success before the destination counts as down. Milliseconds. */
const quietMs = 2000;
/** From this attempt on, a few records that still fail are blamed if the rest of the chunk was taken. */
const lateAttempt = 3;

/**
 * Tells whether a destination is down or fails only on certain records: the former is retried, the latter are record
 * errors.
 */
export class Outage {
  readonly #attempt: number;
  readonly #probe: (job: WriteBatch) => Promise<boolean>;
  #fewLeft = false;
  #stumbles = 0;
  #succeededAt: number | undefined;
  readonly #startedAt = performance.now();

  /** @param probe makes a harmless call; returns false when the destination does not answer or cannot be asked */
  constructor(attempt: number, probe: (job: WriteBatch) => Promise<boolean>) {
    this.#attempt = attempt;
    this.#probe = probe;
  }

  /** Takes note of how many of the chunk's operations are still to be sent. */
  begin(left: number, of: number): void {
    this.#fewLeft = left < mostStumbles && left < of;
  }

  /**
   * True when a call must succeed before more calls of a risky kind are sent, because the outage that ended the attempt
   * before may last.
   */
  isCautious(risky: boolean): boolean {
    return risky && this.#attempt > 1 && this.#succeededAt === undefined;
  }

  /** Notes that a call was answered. */
  succeeded(): void {
    this.#stumbles = 0;
    this.#succeededAt = performance.now();
  }

  /** Notes that a call failed. Returns true when the destination is down. */
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

  /** Returns true when the destination takes other records while it fails on these, so that these are to blame. */
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
