/** The reason why one record could not be mapped (R8). It never holds values (R1). */
export interface Fault {
  readonly code: string;
  readonly message: string;
  /** The destination field, or `where`; absent where the record as a whole is at fault. */
  readonly field?: string;
  /** True when sending the same record again can succeed. Default false. */
  readonly retryable?: boolean;
}
