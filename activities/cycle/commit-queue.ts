import type { Unified } from '../../src/engine/entity/unify.ts';
import { UncommittedChunk } from './uncommitted-chunk.ts';

/** Commits chunks one after the other, while the next one is read and decided already. */
export class CommitQueue {
  /**
   * The changes of the last two chunks, the older one first. While the next chunk was looked up, the commit of the
   * first may have been under way, and the second was not even decided.
   */
  uncommitted: readonly UncommittedChunk[] = [];
  #underway: Promise<void> = Promise.resolve();

  /**
   * Waits for the commit before, and begins this one.
   * @throws the error of the commit before
   */
  async next(unified: Unified, commit: () => Promise<void>): Promise<void> {
    await this.#underway;
    this.uncommitted = [...this.uncommitted.slice(-1), new UncommittedChunk(unified)];
    this.#underway = commit();
    // The next call, or `all`, throws its error.
    this.#underway.catch(() => undefined);
  }

  /** Waits for the last commit. */
  async all(): Promise<void> {
    await this.#underway;
  }
}
