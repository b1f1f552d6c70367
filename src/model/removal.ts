/** The ways to remove a record: `delete` removes it for good; `archive` hides it, and the system can bring it back. */
export const removalKinds = ['delete', 'archive'] as const;

/** One of {@link removalKinds}. */
export type RemovalKind = (typeof removalKinds)[number];
