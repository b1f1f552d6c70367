import type { RunProgress } from '../../src/store/runs/run-progress.ts';

/** The pause between two queries of the state database while activities are under way. Milliseconds. */
const lookMs = 500;

/**
 * Tells activities that somebody pauses, resumes or cancels their run. An activity learns that it is to stop by the
 * answer to a heartbeat. Heartbeats are rare, since each is billed; this says when one more is worth its price.
 */
export class Steering {
  readonly #progress: Pick<RunProgress, 'steered'>;
  readonly #watchers = new Map<string, Set<() => void>>();
  #looking = false;

  constructor(progress: Pick<RunProgress, 'steered'>) {
    this.#progress = progress;
  }

  /** Calls `told` every half second for some seconds after the run was steered. Returns a function that ends this. */
  watch(run: string, told: () => void): () => void {
    const watchers = this.#watchers.get(run) ?? new Set();
    this.#watchers.set(run, watchers.add(told));
    if (!this.#looking) this.#lookSoon();
    return () => {
      watchers.delete(told);
      if (watchers.size === 0 && this.#watchers.get(run) === watchers) this.#watchers.delete(run);
    };
  }

  #lookSoon(): void {
    this.#looking = this.#watchers.size > 0;
    if (this.#looking) setTimeout(() => void this.#look(), lookMs).unref();
  }

  async #look(): Promise<void> {
    const runs = [...this.#watchers.keys()];
    // When the state database does not answer, the activity learns of it with its next regular heartbeat.
    const steered = runs.length === 0 ? [] : await this.#progress.steered(runs).catch(() => []);
    for (const run of steered) for (const told of this.#watchers.get(run) ?? []) told();
    this.#lookSoon();
  }
}
