/** Many byte strings in one buffer: no object for each of them. */
export interface Blobs {
  readonly bytes: Buffer;
  /** In bytes, null for one that is null; a number where all are as long. */
  readonly lengths: readonly (number | null)[] | number;
  /** The place where each begins. Default: one after the other. */
  readonly starts?: readonly number[];
}
