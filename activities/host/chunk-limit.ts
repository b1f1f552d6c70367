/** When a chunk is full, and what a record may weigh. */
export interface ChunkLimit {
  readonly records: number;
  readonly bytes: number;
  readonly record: number;
}
