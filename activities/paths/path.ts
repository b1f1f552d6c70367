import type { Page } from '../../src/connectors/contract/page.ts';
import type { RemovalPlan } from '../../src/connectors/contract/target.ts';
import type { PreviewPart } from '../../src/model/preview.ts';
import type { RecordError, Stats } from '../../src/model/outcome.ts';

/**
 * The way of a chunk from the source to the destination. There are three, one for each kind of destination; opening a run
 * picks one, and each activity is a step on it:
 *
 * ```
 *            stage      match            export            removals
 *  staged    COPY       (as it applies)  apply a set       planRemoval, remove
 *  records   seal       look up, decide  write, journal    planRemoval, remove
 *  jobs      seal       look up, decide  submit … poll …   planRemoval, remove
 * ```
 *
 * Steps of one chunk come in this order, those of successive chunks overlap. Every step may be repeated after a crash, by
 * another worker too: `Step.token` makes every earlier attempt a stranger (R6), and what is committed is absolute (R5).
 * A run ends with `finish` and `forget`, or with `settle` and `abandon`.
 */
export interface Path {
  /** The kind of its destination. */
  readonly kind: 'staging' | 'records' | 'jobs';
  /**
   * What the run may remove: `unseen` records are those that no chunk held, so that everything must be read (R7);
   * `departed` ones are known by the entity's change log.
   */
  readonly removes: 'nothing' | 'unseen' | 'departed';
  /** True where nothing of a run that ended early is there: one that continues it reads from the beginning. */
  readonly startsOver: boolean;
  /** Tells what a dry run can show. */
  readonly preview: PreviewPart;
  /** When the next chunk is full. */
  limit(chunk: number): Promise<ChunkLimit>;
  /** Stages a page as one or more chunks from `step.chunk` on; the cursor becomes durable with the last of them (R2). */
  stage(step: Step, page: Page, limit: ChunkLimit): Promise<Staged>;
  /**
   * Decides in source order what is to be done with a staged chunk. With `waits` some of its keys are still being written
   * by earlier chunks: it may be exported only after them.
   */
  match(step: Step): Promise<{ waits: boolean }>;
  /** Writes a chunk that is staged and matched. Not called again once it has returned stats. */
  export(step: Step): Promise<Stats | Waiting>;
  /** Counts and pins what a mirror would remove. */
  planRemoval(step: Step): Promise<RemovalPlan>;
  /** Counts the records that a removal is weighed against; 0 stands for a source that came back empty (R7). */
  imported(): Promise<number>;
  /** The fewest records that removals must leave. */
  readonly leastRecords: number;
  /** Removes what was pinned; a dry run only counts it. */
  remove(step: Step): Promise<Removed | Waiting>;
  /** Makes visible what the run has written, and corrects what its chunks count. May be repeated. */
  finish(written: number, signal: AbortSignal): Promise<void>;
  /** Drops what the destination keeps of a run that finished. */
  forget(signal: AbortSignal): Promise<void>;
  /**
   * Counts what a run that ends early has written of chunks that it did not finish (R10). May be repeated.
   * @throws LimitedError while a job of the run is under way at the destination: that chunk is to be settled later
   */
  settle(signal: AbortSignal): Promise<void>;
  /**
   * Drops what the destination keeps of a run that ended early.
   * @param keepSeen the keys that its chunks held stay, for a run that continues it
   */
  abandon(keepSeen: boolean, signal: AbortSignal): Promise<void>;
}

/** One attempt at a step of a chunk. */
export interface Step {
  readonly run: string;
  readonly chunk: number;
  /** Greater than the token of every earlier attempt (R6). */
  readonly token: number;
  /** Which attempt of its activity this is, from 1. */
  readonly attempt: number;
  /** Aborted when the work is to stop. */
  readonly signal: AbortSignal;
}

/** What staging a page came to. */
export interface Staged {
  /** How many chunks it became. */
  readonly chunks: number;
  readonly records: number;
  /** True when the source was read to its end. */
  readonly done: boolean;
}

/** A step that waits for a long job at the system: it is made again after `waitMs`, and nothing waits in the worker. */
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

/** What became of removals. */
export interface Removed {
  readonly removed: number;
  readonly errors: readonly RecordError[];
}

/** When a chunk is full, and what a record may weigh. */
export interface ChunkLimit {
  readonly records: number;
  readonly bytes: number;
  readonly record: number;
}
