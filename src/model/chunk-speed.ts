/** The speed of a chunk: its records, and the duration of its slowest step in milliseconds. */
export interface ChunkSpeed {
  readonly records: number;
  readonly ms: number;
}
