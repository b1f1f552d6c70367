import type { Field } from '../../model/field.ts';
import type { RecordBatch } from '../../model/record.ts';
import type { JobReference } from './job.ts';

/** The place where a page ended, in a form of the source's own that nobody else interprets. */
export type Cursor = string;

/** A request for one page. */
export interface PageRequest {
  /** The cursor of the page before, which had the same `since` and `until`; null for the first page. */
  readonly cursor: Cursor | null;
  /**
   * The lowest watermark to read, less the lag; null for all records. Records without a watermark are always read.
   * Those with exactly this watermark are read again, because further records may have come with the same value.
   */
  readonly since: string | null;
  /** The highest watermark to read; null for any. It applies with `since`, or in the order of the watermark. */
  readonly until: string | null;
  /** The fields that are needed, in order. */
  readonly fields: readonly string[];
  /**
   * True when all other fields of the records are wanted too; batches name them after the requested ones. Only a source
   * that is `sampled` is asked for it. Default false.
   */
  readonly rest?: boolean;
  /**
   * The size at which the page should end, whichever limit comes first. A source that cannot stop there may return
   * more.
   */
  readonly limit: {
    readonly records: number;
    readonly bytes: number;
    /** The largest record in bytes. A larger one may come without its values, as a fault. Absent: any size. */
    readonly record?: number;
    /** The longest time that a slow source should read. Milliseconds. Absent: any time. */
    readonly ms?: number;
  };
  /** The reference of the finished job, if the source has a `Source.job`. */
  readonly job?: JobReference;
}

/** A page, which is read while it is consumed. Consume either `batches` or `copy`, once, to the end. */
export interface Page {
  /**
   * Yields the records in source order, with exactly the requested fields in their order; with `rest` the others
   * follow.
   */
  batches(): AsyncIterable<RecordBatch>;
  /** The same records as PostgreSQL COPY text lines, for a destination that takes them as they are. */
  readonly copy?: CopyText;
  /** Returns how the page ended. Call it after the records were consumed to the end. */
  end(): PageEnd;
}

/** Records in PostgreSQL's COPY text format: a line each, fields separated by tabs, `\N` for NULL. */
export interface CopyText {
  /** The requested fields, in order, then any that the source needs for its cursor. */
  readonly fields: readonly Field[];
  bytes(): AsyncIterable<Uint8Array>;
  /**
   * Returns the records that are too large to be among the bytes, with their short values; undefined stands for a long
   * one. Call it after the bytes.
   */
  oversized?(): readonly (readonly (string | null | undefined)[])[];
}

/** The end of a page. */
export interface PageEnd {
  /** The place where the next page starts; null when the stream was read to its end. */
  readonly cursor: Cursor | null;
  readonly records: number;
  /** The size of the records as the source gave them. */
  readonly bytes: number;
  /**
   * The highest watermark of all pages up to this one, for a source without `highWatermark`. The next run leaves it as
   * the sync's watermark.
   */
  readonly highest?: string | null;
}
