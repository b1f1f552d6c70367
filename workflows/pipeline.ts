import { CancellationScope, condition, isCancellation } from '@temporalio/workflow';
import type { Stats } from '../src/model/outcome.ts';

/** Most chunks between import and the end of their export. */
const inFlight = 3;

/** What can hold a run up. */
export interface Gate {
  closed(): boolean;
}

/** The steps of a chunk. */
interface Steps {
  importPage(chunk: number): Promise<{ chunks: number; done: boolean }>;
  /** Absent where the destination matches a chunk as it applies it. */
  matchChunk?(chunk: number): Promise<unknown>;
  exportChunk(chunk: number): Promise<Stats>;
  exported(stats: Stats): void;
}

/**
 * Runs `work` while the gate is open. When it closes, the work is cancelled and started again once the gate
 * opens: activities pick up where their chunk stands.
 */
export async function gated<T>(gate: Gate, work: () => Promise<T>): Promise<T> {
  for (;;) {
    if (gate.closed()) await condition(() => !gate.closed());
    const scope = new CancellationScope();
    let stopped = false;
    let over = false;
    const watch = scope.run(async () => {
      await condition(() => over || gate.closed());
      if (over) return;
      stopped = true;
      scope.cancel();
    });
    try {
      return await scope.run(work);
    } catch (error) {
      if (!stopped || !isCancellation(error)) throw error;
    } finally {
      over = true;
      await watch.catch(() => undefined);
    }
  }
}

/** Overlaps import, match and export of successive chunks; exports keep the order of the source. */
export class Pipeline {
  readonly #gate: Gate;
  readonly #steps: Steps;
  #open = 0;
  #failure: unknown;
  #exports: Promise<void> = Promise.resolve();

  constructor(gate: Gate, steps: Steps) {
    this.#gate = gate;
    this.#steps = steps;
  }

  /**
   * Runs until the source is read to its end, or until `stop` says so; all chunks are exported then.
   * @throws the first failure of any step, after the other steps were cancelled
   */
  async run(
    firstChunk: number,
    stop: () => boolean,
  ): Promise<{ done: boolean; nextChunk: number }> {
    return CancellationScope.cancellable(async () => {
      let nextChunk = firstChunk;
      let done = false;
      try {
        while (!done && this.#failure === undefined && !stop()) {
          const chunk = nextChunk;
          const page = await gated(this.#gate, () => this.#steps.importPage(chunk));
          for (; nextChunk < chunk + page.chunks; nextChunk++) this.#follow(nextChunk);
          done = page.done;
          await condition(() => this.#open < inFlight || this.#failure !== undefined);
        }
      } catch (error) {
        this.#fail(error);
      }
      await this.#exports;
      if (this.#failure !== undefined) throw this.#failure;
      return { done, nextChunk };
    });
  }

  #follow(chunk: number): void {
    const { matchChunk, exportChunk, exported } = this.#steps;
    this.#open += 1;
    const matched = matchChunk && gated(this.#gate, () => matchChunk(chunk));
    // Its failure is met when the chunk's turn to be exported comes.
    matched?.catch(() => undefined);
    const before = this.#exports;
    this.#exports = (async () => {
      await before;
      try {
        await matched;
        if (this.#failure === undefined)
          exported(await gated(this.#gate, () => exportChunk(chunk)));
      } catch (error) {
        this.#fail(error);
      }
      this.#open -= 1;
    })();
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    CancellationScope.current().cancel();
  }
}
