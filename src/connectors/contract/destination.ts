import type { JsonObject } from '../../model/json.ts';
import type { Field } from '../../model/field.ts';
import type { Operation, RecordError, Stats } from '../../model/outcome.ts';
import type { PreviewChange } from '../../model/preview.ts';
import type { Encoding, KeyValues, Value } from '../../model/record.ts';
import type { CopyText } from './source.ts';

/** An open destination stream: one that stages whole chunks and applies them as a set, or one that takes records. */
export type Destination = StagingDestination | RecordDestination;

interface DestinationBase {
  /** Every field that can be written; null where the system takes any. */
  readonly fields: readonly Field[] | null;
  /** With `Target.copied`: those of its fields that the system makes itself, such as generated columns. */
  readonly leavesOut?: readonly string[];
}

/** A destination that takes records one by one or in batches: an API, a file, a database without staging rights. */
export interface RecordDestination extends DestinationBase {
  readonly kind: 'records';
  /** Most operations of one kind that `write` takes at once. */
  readonly batch: Readonly<Record<Operation, number>>;
  /**
   * Whether sending the same create twice is harmless (a natural key, or an idempotency key). With `Target.id` the
   * second is answered with the id of the first.
   */
  readonly idempotentCreate: boolean;
  /** Most keys that `lookup` takes at once. */
  readonly lookupBatch: number;
  /**
   * The records that have these keys; several for a key that is not unique, none for an unknown one.
   * Absent: this destination cannot be read, the sync's ledger decides instead.
   * @param values what each key's record is to hold: a system that compares better than its caller says what is the same
   */
  lookup?(keys: readonly KeyValues[], values?: readonly JsonObject[]): Promise<Existing[]>;
  /** How keys and values of `Existing` are written, but for the key of a lookup. Default `json`. */
  readonly encoding?: Encoding;
  /**
   * The keys as the system would hold them, rounded, padded or spelt in its own way, written as `encoding` says; a key
   * that it could not hold stays as it is. Absent: it holds keys as they are given.
   */
  storedKeys?(keys: readonly KeyValues[]): Promise<KeyValues[]>;
  /**
   * Writes operations of one kind, at most `batch` of them, whose keys differ but for creates without one. Returns one result per operation,
   * in order. Throws `RejectedError` when the call failed as a whole because of some record, `LimitedError` when
   * it was refused for its rate, `TransientError` when it may be made again (`outcome: 'unknown'` if it may have
   * taken effect).
   */
  write(operations: readonly WriteOperation[], options?: WriteOptions): Promise<WriteResult[]>;
  /** All records, in pages: key and id are enough. Absent: mirror works only with `removal.scope: tracked`. */
  scan?(signal?: AbortSignal): AsyncIterable<readonly Existing[]>;
  /**
   * Nothing that a run has written is there before `finish`, so that a run that ends early has written nothing: one that
   * continues it reads from the beginning. Default: what is acknowledged is there.
   */
  readonly allAtOnce?: true;
  /**
   * How values come that JSON holds in a form of its own: bytes, arrays and JSON of a SQL source. `sql`: as the source
   * prints them. Default `json`.
   */
  readonly takes?: Encoding;
  /**
   * Called once all chunks are exported, before the run ends; may be repeated after a crash.
   * @param written how many operations of the run were acknowledged
   */
  finish?(run: string, written: number): Promise<void>;
  /** Called last, however the run ended: drops what is kept of it. What `finish` has not made visible never becomes so. */
  forget?(run: string): Promise<void>;
}

/** A record the destination already holds. */
export interface Existing {
  /** Of a lookup: the key that was asked for, which the system may hold in another spelling. */
  readonly key: KeyValues;
  /** The destination's own id of the record; null where the key is all there is. */
  readonly id: string | null;
  /** The mapped fields it holds now; a field it lacks is absent. */
  readonly values: JsonObject;
  /** Of a lookup: the key as the record holds it. Absent: as it was asked for. */
  readonly heldKey?: KeyValues;
  /** Of the values that the lookup was given: those that it would store as it holds them. Absent: the caller compares. */
  readonly same?: readonly string[];
}

/** One write. */
export interface WriteOperation {
  readonly operation: Operation;
  /** The key's values, in the order of the target's key fields; null where the system is to assign them (`Target.id`). */
  readonly key: KeyValues;
  /** The destination's id, for update and remove, where `lookup` or the ledger knew it. */
  readonly id: string | null;
  /** Destination field → value. On update: only what differs. On remove: empty. */
  readonly values: JsonObject;
  /** What the destination held before, for update where it can be read. */
  readonly before?: JsonObject;
  /**
   * The same on every attempt, different for every other create of the destination and for every operation of the
   * call. One that begins with the run's id and `-` means nothing after `forget`.
   */
  readonly idempotencyKey: string;
}

/** How a write is held up or called off. */
export interface WriteOptions {
  /**
   * Awaited when the next thing is to send the call, after every wait for a quota or a connection. What it throws is
   * thrown, and nothing is sent.
   */
  readonly beforeSend?: () => Promise<void>;
  /** Cuts the call, also when it is on the wire: nobody knows then what became of it. */
  readonly signal?: AbortSignal;
  /**
   * Number of the run's chunk that the operations belong to. Of two operations with one key the one of the higher
   * chunk is the later, even if it comes first because a worker was frozen. Default 0.
   */
  readonly chunk?: number;
}

/** What became of one operation. */
export type WriteResult =
  | { readonly ok: true; readonly id?: string }
  | {
      readonly ok: false;
      /** `limited` and `transient`: send this one again; `record`: it is a record error. */
      readonly class: 'record' | 'limited' | 'transient';
      readonly code: string;
      readonly message: string;
      readonly field?: string;
      /** Of a record: it may go when other records of the run are written, such as one that it refers to. */
      readonly waits?: boolean;
      readonly retryAfterMs?: number;
    };

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
  stageCopy(
    chunk: ChunkRef,
    layout: StagedLayout,
    copy: CopyText,
    signal?: AbortSignal,
  ): Promise<void>;
  /** Stages rows. */
  stageRows(
    chunk: ChunkRef,
    layout: StagedLayout,
    rows: AsyncIterable<readonly StagedRow[]>,
    signal?: AbortSignal,
  ): Promise<void>;
  /** Matches and applies a staged chunk, then drops it. With `dryRun` it only counts and shows a sample. */
  apply(
    chunk: ChunkRef,
    layout: StagedLayout,
    options: { dryRun: boolean; signal?: AbortSignal },
  ): Promise<ChunkResult>;
  /** Pins the records that a mirror would remove: those whose key no chunk of the run held. */
  planRemoval(run: string): Promise<RemovalPlan>;
  /** Removes what `planRemoval` pinned; repeated calls return the first result. */
  remove(
    run: string,
    signal?: AbortSignal,
  ): Promise<{ removed: number; errors: readonly RecordError[] }>;
  /**
   * Tries once more, after all chunks and removals, the records that were refused for the sake of others: they refer to
   * one that came later, or want a unique value that another one held. Repeated calls return the first result.
   * @returns the corrected results of the chunks whose records landed, by their numbers
   */
  applyLate(
    run: string,
    layout: StagedLayout,
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<number, ChunkResult>>;
  /** What has become of the run's chunks and its removal, as far as they were applied; waits for one under way. */
  applied(run: string): Promise<AppliedChunks>;
  /**
   * Drops everything staged for the run, after which nothing of it can be applied any more. Idempotent.
   * @param options `keepSeen`: the keys that its chunks held stay, for a run that continues it
   */
  cleanUp(run: string, options?: { keepSeen?: boolean }): Promise<void>;
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

/** What a mirror would remove. */
export interface RemovalPlan {
  readonly remove: number;
  /** How many records the destination holds (of those in scope), including the ones to remove. */
  readonly of: number;
  /** Keys of some of the records to remove. */
  readonly sample?: readonly KeyValues[];
}
