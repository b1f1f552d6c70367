import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  condition,
} from '@temporalio/workflow';
import type { Imported, WaitedJob, Waiting } from '../activities/activities.ts';
import type { Stats } from '../src/model/outcome.ts';
import { stagingLost } from '../src/model/workflow.ts';
import { pausable, untilDone, type PauseGate } from './pausable.ts';

/** The steps of a chunk, and how many may overlap. */
interface ChunkSteps {
  importPage(chunk: number): Promise<Pick<Imported, 'chunks' | 'done' | 'waitMs'>>;
  /**
   * Absent when the destination matches a chunk as it applies it. `waits` is true when the chunk may be exported only
   * after all earlier ones.
   */
  matchChunk?(chunk: number): Promise<{ waits: boolean }>;
  /** The number of exports that may overlap. Two more chunks are imported and matched meanwhile. */
  readonly exportsAtOnce: number;
  exportChunk(chunk: number): Promise<Stats | Waiting>;
  /** Is told the counts of each exported chunk. */
  exported(stats: Stats): void;
  /** Told which long job a step waits for, such as `export 3`; undefined: none any more. Absent: nobody is told. */
  waits?(step: string, job: WaitedJob | undefined): void;
}

/**
 * Runs import, match and export of successive chunks at the same time. Matches, and the starts of exports, keep the
 * source's order.
 *
 * ```
 *            ┌ waits for room: at most exportsAtOnce + 2 chunks are open
 *   import ──┴─▶ match ─▶ its turn ─▶ export ─▶ exported
 *                  │          │          └ a long job: sleeps, then asks again
 *                  │          └ waits for the starts of exports before it, for a free place and, where `waits`, for
 *                  │            the ends of all exports before it
 *                  └ after the match of the chunk before
 *
 *   any step fails ─▶ the others are cancelled, the first failure is thrown (staged rows lost: import again from there)
 * ```
 */
export class Pipeline {
  readonly #gate: PauseGate;
  readonly #steps: ChunkSteps;
  readonly #mostOpen: number;
  /** The number of chunks that are imported and not exported yet. */
  #open = 0;
  /** The first failure of any step. */
  #failure: unknown;
  /** The chunk whose staged rows were lost, if that was the first failure. */
  #lost: number | undefined;
  #matches: Promise<unknown> = Promise.resolve();
  #exports: Promise<unknown> = Promise.resolve();
  /** The number of the chunk whose export starts next. */
  #turn = 0;
  /** The number of exports under way. */
  #exporting = 0;

  constructor(gate: PauseGate, steps: ChunkSteps) {
    this.#gate = gate;
    this.#steps = steps;
    this.#mostOpen = steps.exportsAtOnce + 2;
  }

  /**
   * Runs until the source is read to its end (`done`), or until `stop` returns true. In both cases all imported chunks
   * are exported. When staged rows were lost, ends early with `lost`: import again from `nextChunk` on.
   * @throws the first failure of any step, after the other steps were cancelled
   */
  async run(
    firstChunk: number,
    stop: () => boolean,
  ): Promise<{ done: boolean; nextChunk: number; lost: boolean }> {
    this.#turn = firstChunk;
    return CancellationScope.cancellable(async () => {
      let nextChunk = firstChunk;
      let done = false;
      try {
        while (!done && this.#failure === undefined && !stop()) {
          const chunk = nextChunk;
          const page = await untilDone(
            this.#gate,
            () => this.#steps.importPage(chunk),
            (job) => this.#steps.waits?.('import', job),
          );
          for (; nextChunk < chunk + page.chunks; nextChunk++) this.#follow(nextChunk);
          done = page.done;
          await condition(() => this.#open < this.#mostOpen || this.#failure !== undefined);
        }
      } catch (error) {
        this.#fail(error);
      }
      await this.#exports;
      if (this.#lost !== undefined) return { done: false, nextChunk: this.#lost, lost: true };
      if (this.#failure !== undefined) throw this.#failure;
      return { done, nextChunk, lost: false };
    });
  }

  #follow(chunk: number): void {
    this.#open += 1;
    const matched = this.#match(chunk);
    // A failed match is handled when the chunk's turn to be exported comes.
    this.#matches = matched.catch(() => undefined);
    this.#exports = Promise.all([this.#exports, this.#export(chunk, matched)]);
  }

  async #match(chunk: number): Promise<{ waits: boolean }> {
    const { matchChunk } = this.#steps;
    if (matchChunk === undefined) return { waits: false };
    await this.#matches;
    return pausable(this.#gate, () => matchChunk(chunk));
  }

  /**
   * Waits for the chunk's turn, for a free place and, if it must, for the exports before; then exports. Never throws.
   */
  async #export(chunk: number, matched: Promise<{ waits: boolean }>): Promise<void> {
    const { exportChunk, exported, exportsAtOnce } = this.#steps;
    try {
      const { waits } = await matched;
      const others = waits ? 0 : exportsAtOnce - 1;
      await condition(() => this.#turn === chunk && this.#exporting <= others);
      this.#turn += 1;
      this.#exporting += 1;
      const stats = await untilDone(
        this.#gate,
        () => exportChunk(chunk),
        (job) => this.#steps.waits?.(`export ${chunk}`, job),
      );
      exported(stats);
      this.#exporting -= 1;
    } catch (error) {
      if (this.#failure === undefined && isStagingLost(error)) this.#lost = chunk;
      this.#fail(error);
    }
    this.#open -= 1;
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    CancellationScope.current().cancel();
  }
}

function isStagingLost(error: unknown): boolean {
  if (!(error instanceof ActivityFailure)) return false;
  return error.cause instanceof ApplicationFailure && error.cause.type === stagingLost;
}
