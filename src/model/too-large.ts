/**
 * The largest record that is passed on, in bytes as its source writes it. It is more than business systems take at
 * once, and small enough that a worker can hold several. A larger record becomes a record error.
 */
export const largestRecord = 16 << 20;

/** The size up to which values of a too large record are kept, in bytes; so its key is usually kept. */
export const keptOfTooLarge = 4096;

/**
 * Returns the fault of a record that is too large.
 * @param limit in bytes
 */
export function tooLarge(limit: number): { code: string; message: string } {
  const size = limit >= 1 << 20 ? `${limit / (1 << 20)} MiB` : `${limit} bytes`;
  return { code: 'too_large', message: `the record is larger than ${size}` };
}
