/** The ways to remove a record: `delete` it for good, or `archive` it, so that the system hides it and can bring it back. */
export const removalKinds = ['delete', 'archive'] as const;

/** One of {@link removalKinds}. */
export type RemovalKind = (typeof removalKinds)[number];
