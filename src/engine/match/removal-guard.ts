/** The limit up to which a mirror removes records without asking. `false` means no limit (DESIGN section 3). */
export type RemovalGuard = false | { readonly records: number; readonly fraction: number };

/** The facts that a run knows before it removes anything. */
export interface RemovalFacts {
  /** The number of records that would be removed. */
  readonly remove: number;
  readonly of: number;
  /** The number of records that the source gave. */
  readonly imported: number;
  /** The number of those whose key could not be read: each may be a record that would be removed by mistake. */
  readonly unnamed: number;
  /** The fewest records that the destination must keep. Default 0. */
  readonly least?: number;
}

/**
 * Returns why a mirror must wait for approval before it removes (R7), as a clause; null when it need not wait. It
 * waits, whatever the guard says, when the source came back empty, when it held records without a readable key, or when
 * fewer than `least` records would be left. It also waits when more than `guard.records` and more than `guard.fraction`
 * of the destination would be removed.
 */
export function approvalReason(
  { remove, of, imported, unnamed, least = 0 }: RemovalFacts,
  guard: RemovalGuard,
): string | null {
  if (remove === 0) return null;
  if (imported === 0) return 'the source came back empty';
  if (unnamed > 0)
    return `${unnamed} records of the source could not be read far enough to know their keys`;
  if (of - remove < least)
    return `${of - remove} records would be left, and the destination is to keep ${least}`;
  if (guard === false || remove <= guard.records || remove <= guard.fraction * of) return null;
  return `more than ${guard.records} records and over ${guard.fraction * 100} % would go`;
}
