/**
 * The largest record that is passed on, in bytes as its source writes it: more than a business's systems take at
 * once, little enough that a worker can hold several. A larger one is a record error.
 */
export const largestRecord = 16 << 20;

/** Values up to this size are kept of a record that is too large: its key among them. Bytes. */
export const keptOfTooLarge = 4096;

/** Why a record was left out. @param limit in bytes */
export function tooLarge(limit: number): { code: string; message: string } {
  const size = limit >= 1 << 20 ? `${limit / (1 << 20)} MiB` : `${limit} bytes`;
  return { code: 'too_large', message: `the record is larger than ${size}` };
}
