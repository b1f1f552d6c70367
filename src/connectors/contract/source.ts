import type { Field } from '../../model/field.ts';
import type { Encoding, KeyValues, RecordBatch } from '../../model/record.ts';
import type { Calls } from './calls.ts';
import type { SourceJob } from './jobs.ts';
import type { Page, PageRequest } from './page.ts';

/** The stream to read, and the terms of the read. */
export interface SourceRequest {
  readonly stream: string;
  /** The field whose values grow with every change. Absent: the stream is not read incrementally. */
  readonly watermark?: string;
  /**
   * The distance before `PageRequest.since` at which the read starts: `5m` for times, a number for numbers. Default 0.
   */
  readonly lag?: string | number;
  /**
   * The sync's key fields. They are a hint: a stream may page by something better. With `order` they break ties if
   * nothing else is guaranteed to be unique.
   */
  readonly key: readonly string[];
  /**
   * `watermark`: on every read, also one without `since`, records come sorted by watermark, then key; those without a
   * watermark come last. A page may end at any record, however many share its watermark: the cursor holds watermark and
   * key. If the system itself sorts, only the watermark's order is certain. Absent: any order that lasts.
   */
  readonly order?: 'watermark';
  /**
   * True for a mirror, which removes the records that the read lacks (R7): fail rather than end early. Default false.
   */
  readonly whole?: boolean;
  /** The options of `source:`, parsed by the role's `options`. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** A stream that is open for reading. */
export interface Source {
  /** The encoding of all values that the stream returns. */
  readonly encoding: Encoding;
  /** Every field that a record can have. If `sampled`, only the fields of some records. */
  readonly fields: readonly Field[];
  /** True for a system without a schema: records may have further fields, and any may be asked for. Default false. */
  readonly sampled?: boolean;
  /** Fields that together are unique, and never null. Empty when nothing guarantees that. */
  readonly uniqueBy: readonly string[];
  /**
   * Returns the highest watermark at the moment, as a text that `PageRequest.since` takes; null for an empty stream. It
   * is called once, before the first page of a run: records changed later belong to the next run. Absent without a
   * watermark, or if the system cannot tell.
   */
  highWatermark?(calls: Calls): Promise<string | null>;
  /**
   * Returns the watermark, `high` at most, up to which no further record can appear. It is called right after
   * `highWatermark`. The run reads up to `high` and leaves this as the sync's watermark. Example: a transaction that is
   * still open may commit a record with an earlier time. Absent: `high` itself.
   */
  settled?(high: string, calls: Calls): Promise<Settled>;
  /** The long job that the system must finish before the first page can be read. Absent: pages can be read at once. */
  readonly job?: SourceJob;
  /**
   * Reads the next page. `calls` serves until the page is consumed. Pages are asked for one at a time; the same cursor
   * reads the same place again. All pages of a read hold every record that existed throughout it, exactly once unless
   * the record changed meanwhile.
   */
  read(request: PageRequest, calls: Calls): Promise<Page>;
  /** Returns the present records that have some keys. Absent: single records cannot be read again. */
  lookup?(wanted: LookupRequest, calls: Calls): Promise<RecordBatch>;
}

/** Asks for single records. */
export interface LookupRequest {
  /** The fields that `keys` are values of. */
  readonly keyFields: readonly string[];
  readonly keys: readonly KeyValues[];
  /** See {@link PageRequest.fields}. */
  readonly fields: readonly string[];
  /** See {@link PageRequest.rest}. */
  readonly rest?: boolean;
}

/** The answer of `Source.settled`: how far a read is complete. */
export interface Settled {
  /** The sync's next watermark; null keeps the one before. */
  readonly watermark: string | null;
  /** True when some records have a time in the future, or infinity: each run reads them again. */
  readonly ahead: boolean;
}
