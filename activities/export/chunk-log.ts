import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { faultPoint } from '../../src/model/fault-point.ts';
import { SupersededError } from '../../src/store/runs/chunks.ts';
import type { Database } from '../../src/store/database/database.ts';
import type { Journal, JournalEntry, JournalOutcome } from '../../src/store/runs/journal.ts';

/** The chunk that an attempt writes, and its token (R6). */
export interface ChunkOwner {
  readonly run: string;
  readonly no: number;
  readonly token: number;
}

type Learn = (entries: readonly JournalEntry[], db: Database) => Promise<void>;

/** Outcomes become durable this soon. Milliseconds. */
const groupMs = 20;
/** So many outcomes become durable at once. */
const groupSize = 1000;
/** With so many outcomes not durable yet, or those of so many calls, what is sent next waits: a crash costs these and what is on the wire. */
export const mostNotDurable = { outcomes: 100, calls: 8 };
/** A process that stood still for longer may have lost its chunk to another attempt. Milliseconds. */
const stallMs = 1500;
/** A chunk is taken for the caller's own without asking for so long. Milliseconds. */
const trustMs = 10_000;
const tickMs = 250;
/** The last words of an attempt are tried for so long. Milliseconds. */
const lastWordsMs = 15_000;

/**
 * What an export knows of its chunk's operations, made durable in groups: one statement at a time, with all that has come
 * up since the last. Each checks the owner's token (R6), and after the first that fails nothing may be sent any more.
 */
export class ChunkLog {
  readonly #journal: Journal;
  readonly #owner: ChunkOwner;
  readonly #learn: Learn | undefined;
  /** What is not durable yet, by number: an outcome, `sent`, or `unsent` for what is to be forgotten. */
  #pending = new Map<number, JournalOutcome | 'sent' | 'unsent'>();
  /** So many are in the statement under way. */
  #taken = 0;
  #writing: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;
  #group: NodeJS.Timeout | undefined;
  #failure: unknown;
  #confirmedAt = performance.now();
  #tickedAt = performance.now();
  /** When the process last came to itself after it had stood still. */
  #stalledAt = Number.NEGATIVE_INFINITY;
  readonly #ticks = setInterval(() => this.#tick(), tickMs).unref();

  /**
   * The caller has just claimed the chunk.
   * @param learn notes more about outcomes, in the transaction that makes them durable
   */
  constructor(journal: Journal, owner: ChunkOwner, learn?: Learn) {
    this.#journal = journal;
    this.#owner = owner;
    this.#learn = learn;
  }

  /** Notes that operations are about to be sent; durable when it returns. */
  async announce(numbers: readonly number[]): Promise<void> {
    for (const seq of numbers) this.#pending.set(seq, 'sent');
    await this.#durable();
  }

  /** Notes that nobody knows what became of operations that were sent. */
  doubt(numbers: readonly number[]): void {
    for (const seq of numbers) this.#pending.set(seq, 'sent');
    this.#soon();
  }

  /** Takes back announcements of operations that certainly had no effect. */
  retract(numbers: readonly number[]): void {
    for (const seq of numbers) this.#pending.set(seq, 'unsent');
    this.#soon();
  }

  /** Notes outcomes; they are durable soon, and at the latest after `close`. */
  note(entries: readonly { seq: number; outcome: JournalOutcome }[]): void {
    for (const { seq, outcome } of entries) this.#pending.set(seq, outcome);
    this.#soon();
  }

  /**
   * Returns if the chunk is still the caller's: at once if it was a moment ago, the process has not stood still, and
   * what is durable keeps up with what was noted.
   * @param count operations of the call that is to be made
   * @throws SupersededError; whatever kept an outcome from becoming durable
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

  /** Makes everything durable that is noted, and waits a while for a state database that is down. */
  async close(): Promise<void> {
    clearInterval(this.#ticks);
    clearTimeout(this.#group);
    // The statement under way may be followed by one that has taken the rest already.
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

  /** Settles when everything that is pending now has been written: by the statement after the one under way. */
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
      // The last words of the attempt are tried again when it closes.
      this.#pending = new Map([...taken, ...this.#pending]);
      throw error;
    } finally {
      this.#taken = 0;
    }
  }
}
