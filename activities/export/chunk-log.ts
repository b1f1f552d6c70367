import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { faultPoint } from '../../src/model/fault-point.ts';
import { SupersededError } from '../../src/store/runs/fencing.ts';
import type { Database } from '../../src/store/database/database.ts';
import type { Journal, JournalEntry, JournalOutcome } from '../../src/store/runs/journal.ts';

/** The chunk that an attempt writes, and its token (R6). */
export interface ChunkOwner {
  readonly run: string;
  readonly no: number;
  readonly token: number;
}

type Learn = (entries: readonly JournalEntry[], db: Database) => Promise<void>;

/** The time after which an outcome becomes durable, together with all that came meanwhile. Milliseconds. */
const groupMs = 20;
/** The number of outcomes that are made durable at once, without waiting for `groupMs`. */
const groupSize = 1000;
/**
 * The most outcomes, or calls' worth of outcomes, that may be not durable yet when another call is sent. A crash brings
 * these into doubt, and the calls on the wire.
 */
export const mostNotDurable = { outcomes: 100, calls: 8 };
/** A process that stood still for longer than this may have lost its chunk to another attempt. Milliseconds. */
const stallMs = 1500;
/** The time for which a confirmed chunk counts as the caller's own without asking again. Milliseconds. */
const trustMs = 10_000;
const tickMs = 250;
/** The time for which an attempt that ends tries to make its last outcomes durable. Milliseconds. */
const lastWordsMs = 15_000;

/**
 * Keeps the outcomes of a chunk's operations and makes them durable in groups: one statement at a time, with everything
 * that was noted since the last. Each statement checks the owner's token (R6). After the first one that fails,
 * {@link ChunkLog.confirm} throws, so nothing more is sent.
 */
export class ChunkLog {
  readonly #journal: Journal;
  readonly #owner: ChunkOwner;
  readonly #learn: Learn | undefined;
  /** The entries that are not durable yet, by operation number; `unsent` deletes an entry that was written. */
  #pending = new Map<number, JournalOutcome | 'sent' | 'unsent'>();
  /** The number of entries in the statement under way. */
  #taken = 0;
  #writing: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;
  #group: NodeJS.Timeout | undefined;
  #failure: unknown;
  #confirmedAt = performance.now();
  #tickedAt = performance.now();
  /** The last time at which the process was found to have stood still. */
  #stalledAt = Number.NEGATIVE_INFINITY;
  readonly #ticks = setInterval(() => this.#tick(), tickMs).unref();

  /**
   * Begins the log of a chunk that the caller has just claimed.
   * @param learn stores what follows from outcomes, in the transaction that makes them durable
   */
  constructor(journal: Journal, owner: ChunkOwner, learn?: Learn) {
    this.#journal = journal;
    this.#owner = owner;
    this.#learn = learn;
  }

  /** Notes that operations are about to be sent. The note is durable when this returns. */
  async announce(numbers: readonly number[]): Promise<void> {
    for (const seq of numbers) this.#pending.set(seq, 'sent');
    await this.#durable();
  }

  /** Notes that the outcome of operations which were sent is unknown. */
  doubt(numbers: readonly number[]): void {
    for (const seq of numbers) this.#pending.set(seq, 'sent');
    this.#soon();
  }

  /** Takes back announcements of operations that certainly had no effect. */
  retract(numbers: readonly number[]): void {
    for (const seq of numbers) this.#pending.set(seq, 'unsent');
    this.#soon();
  }

  /** Notes outcomes. They become durable soon, at the latest with `close`. */
  note(entries: readonly { seq: number; outcome: JournalOutcome }[]): void {
    for (const { seq, outcome } of entries) this.#pending.set(seq, outcome);
    this.#soon();
  }

  /**
   * Returns when the chunk is known to be the caller's own still. It returns at once when that was confirmed a moment
   * ago, the process has not stood still since, and few noted outcomes are not durable yet.
   * @param count the number of operations of the call that is to be made
   * @throws SupersededError when another attempt owns the chunk; the error that kept an outcome from becoming durable
   */
  async confirm(count = 1): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    this.#tick();
    const most = Math.max(mostNotDurable.outcomes, mostNotDurable.calls * count);
    while (this.#pending.size + this.#taken >= most) await this.#durable();
    while (this.#isInDoubt()) {
      await this.#durable();
      this.#tick();
    }
  }

  /** Makes everything that was noted durable. Tries for a while when the state database is down. */
  async close(): Promise<void> {
    clearInterval(this.#ticks);
    clearTimeout(this.#group);
    // Another statement may follow the one under way, and take the rest.
    await (this.#next ?? this.#writing).catch(() => undefined);
    const deadline = performance.now() + lastWordsMs;
    while (this.#pending.size > 0) {
      try {
        await this.#durable();
      } catch (error) {
        if (error instanceof SupersededError || performance.now() > deadline) throw error;
        await sleep(500);
      }
    }
  }

  #isInDoubt(): boolean {
    const asked = this.#confirmedAt;
    return asked < this.#stalledAt || performance.now() - asked > trustMs;
  }

  #tick(): void {
    const now = performance.now();
    if (now - this.#tickedAt > stallMs) this.#stalledAt = now;
    this.#tickedAt = now;
  }

  #soon(): void {
    if (this.#pending.size >= groupSize) this.#inBackground();
    else this.#group ??= setTimeout(() => this.#inBackground(), groupMs);
  }

  #inBackground(): void {
    this.#durable().catch(() => undefined);
  }

  /** Resolves when everything that is pending now is written: with the statement after the one under way. */
  #durable(): Promise<void> {
    this.#next ??= this.#writing
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        this.#writing = this.#write();
        return this.#writing;
      });
    return this.#next;
  }

  async #write(): Promise<void> {
    clearTimeout(this.#group);
    this.#group = undefined;
    const taken = this.#pending;
    this.#taken = taken.size;
    this.#pending = new Map();
    const entries: JournalEntry[] = [];
    const retracted: number[] = [];
    for (const [seq, what] of taken) {
      if (what === 'unsent') retracted.push(seq);
      else entries.push({ seq, outcome: what === 'sent' ? null : what });
    }
    const askedAt = performance.now();
    const learn = this.#learn;
    try {
      await this.#journal.write(
        this.#owner,
        { entries, retracted },
        learn && ((db) => learn(entries, db)),
      );
      faultPoint('export.after-journal');
      this.#confirmedAt = askedAt;
    } catch (error) {
      this.#failure ??= error;
      // `close` tries to write them once more.
      this.#pending = new Map([...taken, ...this.#pending]);
      throw error;
    } finally {
      this.#taken = 0;
    }
  }
}
