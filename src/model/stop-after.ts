/** The limits on record errors. A run that passes either of them fails early. */
export interface StopAfter {
  /** The most record errors. */
  readonly errors?: number | undefined;
  /** The greatest share of record errors among the imported records, 0 to 1. */
  readonly fraction?: number | undefined;
}
