import type { Field } from '../../model/field.ts';
import type { Encoding, KeyValues, RecordBatch } from '../../model/record.ts';
import type { Calls } from './calls.ts';
import type { SourceJob } from './jobs.ts';
import type { Page, PageRequest } from './page.ts';

/** Which stream to read, and how. */
export interface SourceRequest {
  readonly stream: string;
  /** The field whose values grow with every change; absent: no incremental reading. */
  readonly watermark?: string;
  /** How far before `PageRequest.since` reading starts: a duration for times, a number for numbers. Default 0. */
  readonly lag?: string | number;
  /**
   * The sync's key fields: a hint, a stream may page by something better. With `order` they break ties where nothing
   * guarantees a unique key.
   */
  readonly key: readonly string[];
  /**
   * `watermark`: records come by watermark and then key on every read, also one without `since`; those without a
   * watermark come last. Pages end at any record, however many share its watermark: the cursor is the place by
   * watermark and key. Where the system itself sorts, only the watermark's order is sure. Absent: any lasting order.
   */
  readonly order?: 'watermark';
  /** What the read lacks will be removed elsewhere (R7): fail rather than end early. */
  readonly whole?: boolean;
  /** Parsed by the role's `options`. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** An open stream. */
export interface Source {
  readonly encoding: Encoding;
  /** Every field a record can have; of a source that is `sampled`, those that some records have. */
  readonly fields: readonly Field[];
  /** A system without a schema: further fields may come, so any may be asked for, and the `rest` too. Default false. */
  readonly sampled?: boolean;
  /** Fields that are together unique and never null in every record; empty where nothing guarantees that. */
  readonly uniqueBy: readonly string[];
  /**
   * The highest watermark now, as text that `PageRequest.since` takes; null for an empty stream. Called once
   * before the first page of a run: records changed later belong to the next run. Absent without a watermark.
   */
  highWatermark?(calls: Calls): Promise<string | null>;
  /**
   * The watermark, `high` at most, up to which no record can appear any more; asked right after `highWatermark`. The
   * run reads up to `high` and leaves this as the sync's watermark. Absent: `high` itself.
   */
  settled?(high: string, calls: Calls): Promise<Settled>;
  /** The long job that must be done at the system before the first page of a read. Absent: pages can be read at once. */
  readonly job?: SourceJob;
  /**
   * Reads the next page, with `calls` until it is consumed. One call at a time; repeating a call with the same cursor
   * reads the same place again. The pages of one read hold every record that existed throughout it, exactly once unless
   * it changed meanwhile.
   */
  read(request: PageRequest, calls: Calls): Promise<Page>;
  /** The present records with some keys. Absent: single records cannot be read again. */
  lookup?(wanted: LookupRequest, calls: Calls): Promise<RecordBatch>;
}

/** Asks for single records. */
export interface LookupRequest {
  /** The fields that `keys` are values of. */
  readonly keyFields: readonly string[];
  readonly keys: readonly KeyValues[];
  /** As of {@link PageRequest}. */
  readonly fields: readonly string[];
  /** As of {@link PageRequest}. */
  readonly rest?: boolean;
}

/** How far a read leaves nothing behind. */
export interface Settled {
  /** The sync's next watermark; null leaves the one before. */
  readonly watermark: string | null;
  /** Some records are ahead of the present, or of any number: each run reads them again. */
  readonly ahead: boolean;
}
