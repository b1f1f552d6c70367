import type { Caller } from './pacer.ts';

/** Shorter waits are not worth telling. Milliseconds. */
const noticeableMs = 1_500;
/** An announced end of the wait may be wrong by so much before it is told anew. Milliseconds. */
const toleranceMs = 1_000;

/** @param sure false: it is not known what the run shows, and another step may have said it */
type Note = (until: Date | null, sure: boolean) => Promise<void>;

/** Shows in the run that it waits. */
export class RunCaller implements Caller {
  readonly #note: Note;
  #lastCall = performance.now();
  /** The end of the wait that the run shows; undefined: unknown, an earlier attempt may have left one. */
  #shown: number | null | undefined;
  #notes: Promise<void> = Promise.resolve();

  constructor(note: Note) {
    this.#note = note;
  }

  begins(): void {
    this.#lastCall = performance.now();
  }

  waits(until: number): void {
    const now = performance.now();
    if (until - now < noticeableMs && now - this.#lastCall < noticeableMs) return;
    const end = Math.max(until, now + toleranceMs);
    if (typeof this.#shown === 'number' && Math.abs(this.#shown - end) < toleranceMs) return;
    this.#show(end, new Date(Date.now() + end - now));
  }

  went(): void {
    this.#lastCall = performance.now();
    if (this.#shown !== null) this.#show(null, null);
  }

  #show(shown: number | null, until: Date | null): void {
    const isKnown = this.#shown !== undefined || until !== null;
    this.#shown = shown;
    this.#notes = this.#notes.then(() => this.#note(until, isKnown)).catch(() => undefined);
  }
}
