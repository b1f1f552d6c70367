import type { Field } from '../../model/field.ts';
import type { RecordError, Stats } from '../../model/outcome.ts';
import type { PreviewChange } from '../../model/preview.ts';
import type { Encoding, Value } from '../../model/record.ts';
import type { Calls } from './calls.ts';
import type { DestinationBase, RemovalPlan } from './target.ts';
import type { CopyText } from './page.ts';

/** Names a chunk of a run, and the attempt that owns it (R6). */
export interface ChunkRef {
  readonly run: string;
  readonly chunk: number;
  /** Grows with every attempt to import the chunk. Staged data of an older attempt is never applied. */
  readonly token: number;
}

/** A column of a staged chunk. */
export interface StagedColumn {
  readonly field: Field;
  readonly encoding: Encoding;
}

/** The columns of a staged chunk, and the way they become destination fields. Numbers are indexes of columns. */
export interface StagedLayout {
  readonly columns: readonly StagedColumn[];
  /** The column of each key field, in the order of the target's key. */
  readonly key: readonly number[];
  /** The destination fields, each with the column that its value comes from. */
  readonly assign: readonly { readonly to: string; readonly from: number }[];
  /** True when the source guarantees that no key within a chunk repeats or is null. */
  readonly uniqueKeys: boolean;
}

/** The reason why a record could not be staged whole. It counts as an error; its key counts as seen all the same. */
export interface StagedFault {
  readonly code: string;
  readonly message: string;
  readonly field?: string;
  /** True when sending the same record again can succeed. Default false. */
  readonly retryable?: boolean;
  /** The record's key, if the stage cannot hold it. */
  readonly key?: readonly (string | null)[];
}

/** A row to stage: a value for each column of the layout, `undefined` if the record lacks the field. */
export interface StagedRow {
  readonly values: readonly Value[];
  readonly fault?: StagedFault;
}

/** The result of a chunk: its share of the run's stats, as absolute numbers (R5), and its record errors. */
export interface ChunkResult {
  readonly stats: Stats;
  readonly errors: readonly RecordError[];
  /** Only for a dry run: some of the records that would be written, with values as the destination prints them. */
  readonly sample?: readonly PreviewChange[];
}

/**
 * A destination that stages a chunk, classifies its rows by a join, and applies them in one transaction. The
 * transaction also writes the chunk's marker, so a repeated `apply` of an applied chunk returns the first result and
 * changes nothing.
 */
export interface StagingDestination extends DestinationBase {
  readonly kind: 'staging';
  /** Returns true if COPY text can be staged unchanged under this layout. */
  acceptsCopy(layout: StagedLayout): boolean;
  /** Stages COPY text. Its first fields are the layout's columns; further ones are ignored. */
  stageCopy(chunk: ChunkRef, layout: StagedLayout, copy: CopyText, calls: Calls): Promise<void>;
  /** Stages rows. */
  stageRows(
    chunk: ChunkRef,
    layout: StagedLayout,
    rows: AsyncIterable<readonly StagedRow[]>,
    calls: Calls,
  ): Promise<void>;
  /** Matches and applies a staged chunk, then drops it. With `dryRun` it only counts and returns a sample. */
  apply(
    chunk: ChunkRef,
    layout: StagedLayout,
    options: { dryRun: boolean },
    calls: Calls,
  ): Promise<ChunkResult>;
  /** Pins the records that a mirror would remove, whose key no chunk of the run held, and counts them. */
  planRemoval(run: string, calls: Calls): Promise<RemovalPlan>;
  /** Removes the records that `planRemoval` pinned. Repeated calls return the first result. */
  remove(run: string, calls: Calls): Promise<{ removed: number; errors: readonly RecordError[] }>;
  /**
   * Tries once more, after all chunks and removals, the records that were refused because of others: they refer to a
   * record that came later, or want a unique value that another record held. Repeated calls return the first result.
   * @returns the corrected results of the chunks some of whose records were written now, by number
   */
  applyLate(
    run: string,
    layout: StagedLayout,
    calls: Calls,
  ): Promise<ReadonlyMap<number, ChunkResult>>;
  /** Returns the results of the run's chunks and removal that were applied. Waits for one that is under way. */
  applied(run: string, calls: Calls): Promise<AppliedChunks>;
  /**
   * Drops everything staged for the run. Afterwards nothing of it can be applied. May be repeated.
   * @param options `keepSeen` keeps the keys that its chunks held, for a run that continues it
   */
  cleanUp(run: string, calls: Calls, options?: { keepSeen?: boolean }): Promise<void>;
}

/** The parts of a run that were applied. */
export interface AppliedChunks {
  /** The result of every applied chunk, by its number. */
  readonly chunks: ReadonlyMap<number, ChunkResult>;
  /** The numbers of the chunks whose results `applyLate` has corrected. */
  readonly corrected: readonly number[];
  /** The result of `remove`; null when nothing was removed yet. */
  readonly removal: { readonly removed: number; readonly errors: readonly RecordError[] } | null;
}
