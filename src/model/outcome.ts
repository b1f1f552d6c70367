import type { KeyValues } from './record.ts';

/** An operation of a sync on one destination record. */
export type Operation = 'create' | 'update' | 'remove';

/**
 * The reason why a record was imported and then left alone. `edited`: someone edited it at the destination since it was
 * read there; the edit is read first, and then decided on.
 */
export type SkipReason = 'mode' | 'filter' | 'duplicate' | 'edited';

/** The code of an update that was not made, because the record no longer held the values that were read. */
export const editedCode = 'edited';

/** One record that could not be written, with its reason (R8). It holds no field values but the key. */
export interface RecordError {
  /** The record's key in the source; null when it has none. */
  readonly key: KeyValues | null;
  /** The operation that failed; `match` when it was not decided yet. */
  readonly operation: Operation | 'match';
  /**
   * `missing_key`, `ambiguous_match`, `expression_failed`, `invalid_value`, `rejected`, `too_large`, `unknown_outcome`,
   * or the destination's own code such as a SQLSTATE.
   */
  readonly code: string;
  readonly message: string;
  readonly field?: string;
  /** True when sending the same record again can succeed without a change to it or to the sync. */
  readonly retryable: boolean;
}

/** Counts of a chunk or a run; `imported = created + updated + unchanged + skipped + errors` (R10). */
export interface Stats {
  readonly imported: number;
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly skipped: Readonly<Record<SkipReason, number>>;
  readonly removed: number;
  readonly errors: number;
  /** Record errors of removals, which are not among the imported records. */
  readonly removeErrors: number;
}

/** Counts that are all zero. */
export const noStats: Stats = {
  imported: 0,
  created: 0,
  updated: 0,
  unchanged: 0,
  skipped: { mode: 0, filter: 0, duplicate: 0, edited: 0 },
  removed: 0,
  errors: 0,
  removeErrors: 0,
};

/** Returns the sum of two counts. */
export function addStats(a: Stats, b: Stats): Stats {
  return {
    imported: a.imported + b.imported,
    created: a.created + b.created,
    updated: a.updated + b.updated,
    unchanged: a.unchanged + b.unchanged,
    skipped: {
      mode: a.skipped.mode + b.skipped.mode,
      filter: a.skipped.filter + b.skipped.filter,
      duplicate: a.skipped.duplicate + b.skipped.duplicate,
      edited: a.skipped.edited + b.skipped.edited,
    },
    removed: a.removed + b.removed,
    errors: a.errors + b.errors,
    removeErrors: a.removeErrors + b.removeErrors,
  };
}
