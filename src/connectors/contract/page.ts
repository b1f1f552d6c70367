import type { Field } from '../../model/field.ts';
import type { RecordBatch } from '../../model/record.ts';
import type { JobReference } from './job.ts';

/** Where a page ended, in the source's own words. Opaque to everyone else. */
export type Cursor = string;

/** Asks for one page. */
export interface PageRequest {
  /** Where the page before ended, read with the same `since` and `until`; null for the first. */
  readonly cursor: Cursor | null;
  /**
   * Only records whose watermark is at least this, less the lag, and those that have none; null for all. Equal
   * ones are read again: others may have come with the same value.
   */
  readonly since: string | null;
  /** With `since` or in the order of the watermark: only records whose watermark is at most this. */
  readonly until: string | null;
  /** The fields that are needed, in order. */
  readonly fields: readonly string[];
  /**
   * Every other field that records have is wanted too: batches name them after the requested ones. Asked only of a
   * source that is `sampled`. Default false.
   */
  readonly rest?: boolean;
  /** When the page should end, whichever comes first. A source that cannot stop there may return more. */
  readonly limit: {
    readonly records: number;
    readonly bytes: number;
    /** A record of more bytes may come without its values, as a fault. Absent: records may have any size. */
    readonly record?: number;
    /** Longer than this a slow source should not read at a time. Milliseconds; absent: any time. */
    readonly ms?: number;
  };
  /** What `Source.job` came to, where the source has one. */
  readonly job?: JobReference;
}

/** One page, read as it is consumed: take either `batches` or `copy`, once, to the end. */
export interface Page {
  /** The records in source order, with exactly the requested fields, in order, and with `rest` the others after them. */
  batches(): AsyncIterable<RecordBatch>;
  /** The same records as PostgreSQL COPY text lines, for a destination that takes them as they are. */
  readonly copy?: CopyText;
  /** How the page ended. Valid after the records were consumed to the end. */
  end(): PageEnd;
}

/** Records as PostgreSQL's COPY text format (tab-separated, `\N` for NULL, one line each). */
export interface CopyText {
  /** The requested fields, in order, then any that the source needs for its cursor. */
  readonly fields: readonly Field[];
  bytes(): AsyncIterable<Uint8Array>;
  /** Records too large to be among the bytes: their short values, undefined for others. Complete after the bytes. */
  oversized?(): readonly (readonly (string | null | undefined)[])[];
}

/** How a page ended. */
export interface PageEnd {
  /** Where the next page starts; null when the stream was read to its end. */
  readonly cursor: Cursor | null;
  readonly records: number;
  /** Size as the source gave it. */
  readonly bytes: number;
  /**
   * The highest watermark of all pages up to this one; for a source without `highWatermark`. The run after this one
   * leaves it as the sync's watermark.
   */
  readonly highest?: string | null;
}
