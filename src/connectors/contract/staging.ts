import type { Field } from '../../model/field.ts';
import type { RecordError, Stats } from '../../model/outcome.ts';
import type { PreviewChange } from '../../model/preview.ts';
import type { Encoding, Value } from '../../model/record.ts';
import type { Calls } from './calls.ts';
import type { DestinationBase, RemovalPlan } from './target.ts';
import type { CopyText } from './page.ts';

/** Names one chunk of one run, and the attempt that owns it (R6). */
export interface ChunkRef {
  readonly run: string;
  readonly chunk: number;
  /** Grows with every attempt to import this chunk: staged data of an older attempt is never applied. */
  readonly token: number;
}

/** One column of a staged chunk. */
export interface StagedColumn {
  readonly field: Field;
  readonly encoding: Encoding;
}

/** How staged columns become destination fields. Indexes point into the staged columns. */
export interface StagedLayout {
  readonly columns: readonly StagedColumn[];
  /** The column of each key field, in the order of the target's key. */
  readonly key: readonly number[];
  /** Destination field and the column its value comes from. */
  readonly assign: readonly { readonly to: string; readonly from: number }[];
  /** The source guarantees that no key repeats within a chunk and none is null. */
  readonly uniqueKeys: boolean;
}

/** A record that failed before it could be staged whole: counted as an error, its key still counts as seen. */
export interface StagedFault {
  readonly code: string;
  readonly message: string;
  readonly field?: string;
  /** True where sending the same record again can succeed. Default false. */
  readonly retryable?: boolean;
  /** The record's key, where the stage cannot hold it. */
  readonly key?: readonly (string | null)[];
}

/** A row to stage: one value per column of the layout; `undefined` where the record lacks the field. */
export interface StagedRow {
  readonly values: readonly Value[];
  readonly fault?: StagedFault;
}

/** What became of a chunk: its share of the run's stats, and its record errors. Absolute, never increments (R5). */
export interface ChunkResult {
  readonly stats: Stats;
  readonly errors: readonly RecordError[];
  /** Of a dry run: some of the records that would be written, with values as the destination prints them. */
  readonly sample?: readonly PreviewChange[];
}

/**
 * A destination that stages a chunk, classifies it by a join, and applies it in one transaction with the chunk's
 * marker: a repeated `apply` of an applied chunk returns the first result and changes nothing.
 */
export interface StagingDestination extends DestinationBase {
  readonly kind: 'staging';
  /** Whether `CopyText` fields can be staged as they are under this layout. */
  acceptsCopy(layout: StagedLayout): boolean;
  /** Stages COPY text; its fields are the layout's columns, then some that are ignored. */
  stageCopy(chunk: ChunkRef, layout: StagedLayout, copy: CopyText, calls: Calls): Promise<void>;
  /** Stages rows. */
  stageRows(
    chunk: ChunkRef,
    layout: StagedLayout,
    rows: AsyncIterable<readonly StagedRow[]>,
    calls: Calls,
  ): Promise<void>;
  /** Matches and applies a staged chunk, then drops it. With `dryRun` it only counts and shows a sample. */
  apply(
    chunk: ChunkRef,
    layout: StagedLayout,
    options: { dryRun: boolean },
    calls: Calls,
  ): Promise<ChunkResult>;
  /** Pins the records that a mirror would remove: those whose key no chunk of the run held. */
  planRemoval(run: string, calls: Calls): Promise<RemovalPlan>;
  /** Removes what `planRemoval` pinned; repeated calls return the first result. */
  remove(run: string, calls: Calls): Promise<{ removed: number; errors: readonly RecordError[] }>;
  /**
   * Tries once more, after all chunks and removals, the records that were refused for the sake of others: they refer to
   * one that came later, or want a unique value that another one held. Repeated calls return the first result.
   * @returns the corrected results of the chunks whose records landed, by their numbers
   */
  applyLate(
    run: string,
    layout: StagedLayout,
    calls: Calls,
  ): Promise<ReadonlyMap<number, ChunkResult>>;
  /** What has become of the run's chunks and its removal, as far as they were applied; waits for one under way. */
  applied(run: string, calls: Calls): Promise<AppliedChunks>;
  /**
   * Drops everything staged for the run, after which nothing of it can be applied any more. Idempotent.
   * @param options `keepSeen`: the keys that its chunks held stay, for a run that continues it
   */
  cleanUp(run: string, calls: Calls, options?: { keepSeen?: boolean }): Promise<void>;
}

/** What of a run was applied. */
export interface AppliedChunks {
  /** The result of every applied chunk by its number. */
  readonly chunks: ReadonlyMap<number, ChunkResult>;
  /** The numbers of those whose results `applyLate` has corrected. */
  readonly corrected: readonly number[];
  /** What `remove` returned, where it has removed. */
  readonly removal: { readonly removed: number; readonly errors: readonly RecordError[] } | null;
}
