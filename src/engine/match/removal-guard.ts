/** How many removals a mirror makes without asking; `false`: as many as it likes (DESIGN section 3). */
export type RemovalGuard = false | { readonly records: number; readonly fraction: number };

/** What a run knows before it removes anything. */
export interface RemovalFacts {
  /** How many records would go, of how many. */
  readonly remove: number;
  readonly of: number;
  /** How many records the source gave. */
  readonly imported: number;
  /** How many of those came without a key that anyone could read: each may stand for one that would go. */
  readonly unnamed: number;
  /** The fewest records that the destination is to keep. Default 0. */
  readonly least?: number;
}

/**
 * Why a mirror must wait for approval before it removes (R7), as a clause; null where it need not: the source came back
 * empty or held records without a readable key, whatever the guard says, or more than `guard.records` and more than
 * `guard.fraction` of the destination would go.
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
