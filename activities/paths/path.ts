import type { Page } from '../../src/connectors/contract/page.ts';
import type { RemovalPlan } from '../../src/connectors/contract/target.ts';
import type { PreviewPart } from '../../src/model/preview.ts';
import type { RecordError, Stats } from '../../src/model/outcome.ts';

/**
 * Takes chunks from the source to the destination. There are three paths, one for each kind of destination. Opening a
 * run picks one, and each activity is a step on it:
 *
 * ```
 *            stage      match            export            removals
 *  staged    COPY       (as it applies)  apply a set       planRemoval, remove
 *  records   seal       look up, decide  write, journal    planRemoval, remove
 *  jobs      seal       look up, decide  submit … poll …   planRemoval, remove
 * ```
 *
 * The steps of one chunk come in this order; those of successive chunks overlap. Every step may be repeated after a
 * crash, by another worker too: `Step.token` shuts out every earlier attempt (R6), and a chunk's counts are stored as
 * absolute numbers (R5). A run that completes ends with `finish` and `forget`, any other one with `settle` and
 * `abandon`.
 */
export interface Path {
  /** The kind of destination that the path leads to. */
  readonly kind: 'staging' | 'records' | 'jobs';
  /**
   * The records that the run may remove. `unseen`: those that no chunk held, so the run must read everything (R7).
   * `departed`: those that the entity's change log shows to have left.
   */
  readonly removes: 'nothing' | 'unseen' | 'departed';
  /**
   * True when a run that ends early leaves nothing at the destination, so a run that continues it reads from the
   * beginning.
   */
  readonly startsOver: boolean;
  /** Tells whether a dry run can show old values. */
  readonly preview: PreviewPart;
  /** Returns the size at which a chunk is full. */
  limit(chunk: number): Promise<ChunkLimit>;
  /**
   * Stages a page as one or more chunks, the first of them `step.chunk`. The cursor becomes durable with the last (R2).
   */
  stage(step: Step, page: Page, limit: ChunkLimit): Promise<Staged>;
  /**
   * Decides the operations of a staged chunk; chunks are matched in source order. `waits` is true when earlier chunks
   * still write some of its keys: the chunk may be exported only after them.
   */
  match(step: Step): Promise<{ waits: boolean }>;
  /** Writes a chunk that is staged and matched. It is not called again once it has returned stats. */
  export(step: Step): Promise<Stats | Waiting>;
  /** Pins the records that a mirror would remove, and counts them. */
  planRemoval(step: Step): Promise<RemovalPlan>;
  /** Counts the records that the run read, for the removal guard. 0 means that the source came back empty (R7). */
  imported(): Promise<number>;
  /** The number of records that removals must leave at the destination. */
  readonly leastRecords: number;
  /** Removes the pinned records. A dry run only counts them. */
  remove(step: Step): Promise<Removed | Waiting>;
  /** Makes the written records visible, and corrects the counts of chunks that changed late. May be repeated. */
  finish(written: number, signal: AbortSignal): Promise<void>;
  /** Drops everything that the destination keeps for a run that finished. */
  forget(signal: AbortSignal): Promise<void>;
  /**
   * Counts what a run that ends early has written of chunks that it did not finish (R10). May be repeated.
   * @throws LimitedError while a job of the run is under way at the destination: that chunk is to be settled later
   */
  settle(signal: AbortSignal): Promise<void>;
  /**
   * Drops everything that the destination keeps for a run that ended early.
   * @param keepSeen true keeps the keys that its chunks held, for a run that continues it
   */
  abandon(keepSeen: boolean, signal: AbortSignal): Promise<void>;
}

/** An attempt at a step of a chunk. */
export interface Step {
  readonly run: string;
  readonly chunk: number;
  /** Greater than the token of every earlier attempt (R6). */
  readonly token: number;
  /** The number of the attempt, from 1. */
  readonly attempt: number;
  /** Aborted when the work is to stop. */
  readonly signal: AbortSignal;
}

/** The result of staging a page. */
export interface Staged {
  /** The number of chunks that the page became. */
  readonly chunks: number;
  readonly records: number;
  /** True when the source was read to its end. */
  readonly done: boolean;
}

/**
 * The answer of a step that waits for a long job: it is to be called again after `waitMs`. Nothing waits in the worker.
 */
export interface Waiting {
  readonly waitMs: number;
  /** The job that is waited for; absent where none is under way at the moment. */
  readonly job?: WaitedJob;
}

/** A job that a run waits for, as people are told of it: no content of a record is in it (R1). */
export interface WaitedJob {
  /** The name that it was submitted under, such as `0m4k2-7-0`. */
  readonly name: string;
  /** The connection to the system where it runs. */
  readonly connection: string;
}

/** The result of removing records. */
export interface Removed {
  readonly removed: number;
  readonly errors: readonly RecordError[];
}

/** The size at which a chunk is full. */
export interface ChunkLimit {
  readonly records: number;
  readonly bytes: number;
  /** The largest record, in bytes; a larger one is a record error. */
  readonly record: number;
}
