import type { Unified } from '../../src/engine/entity/unify.ts';
import { UncommittedChunk } from './uncommitted-chunk.ts';

/** Commits chunks one after the other, while the next one is already read and decided. */
export class CommitQueue {
  /**
   * What the last two chunks change, the older one first: while the next one was looked up, the first of them may have been
   * under way, and the second not even decided.
   */
  uncommitted: readonly UncommittedChunk[] = [];
  #underway: Promise<void> = Promise.resolve();

  /** Waits for the commit before, and begins this one. @throws what the commit before failed with */
  async next(unified: Unified, commit: () => Promise<void>): Promise<void> {
    await this.#underway;
    this.uncommitted = [...this.uncommitted.slice(-1), new UncommittedChunk(unified)];
    this.#underway = commit();
    // Its failure is met by whoever waits for it.
    this.#underway.catch(() => undefined);
  }

  /** Waits for the last one. */
  async all(): Promise<void> {
    await this.#underway;
  }
}
