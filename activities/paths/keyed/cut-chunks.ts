import { shrunk, sizeOfRow } from '../../../src/engine/values/record-size.ts';
import type { RecordBatch, RowFault, Value } from '../../../src/model/record.ts';
import { tooLarge } from '../../../src/model/too-large.ts';
import type { ChunkLimit } from '../path.ts';

/** Marks the records that are too large, unless the source has done so, and drops their large values. */
export function withoutLargeRecords(batch: RecordBatch, limit: number): RecordBatch {
  const known = new Set(batch.faults?.map(({ row }) => row));
  const large = batch.rows.flatMap((values, row) =>
    !known.has(row) && sizeOfRow(values) > limit ? [row] : [],
  );
  if (large.length === 0) return batch;
  const fault = tooLarge(limit);
  const rows = batch.rows.map((values, row) => (large.includes(row) ? shrunk(values) : values));
  return {
    ...batch,
    rows,
    faults: [...(batch.faults ?? []), ...large.map((row) => ({ row, ...fault }))],
  };
}

/** Cuts batches into chunks within the limit. Yields at least one chunk; the last one may be empty. */
export async function* cutChunks(
  batches: AsyncIterable<RecordBatch>,
  limit: ChunkLimit,
): AsyncGenerator<RecordBatch[]> {
  let chunk = new ChunkBuilder(limit);
  for await (const whole of batches) {
    const batch = withoutLargeRecords(whole, limit.record);
    const faults = new Map(batch.faults?.map((fault) => [fault.row, fault]));
    for (const [at, row] of batch.rows.entries()) {
      const size = sizeOfRow(row);
      if (!chunk.takes(size)) {
        yield chunk.batches;
        chunk = new ChunkBuilder(limit);
      }
      chunk.add(batch, row, size, faults.get(at));
    }
  }
  yield chunk.batches;
}

interface Part extends RecordBatch {
  readonly rows: (readonly Value[])[];
  readonly faults: RowFault[];
}

class ChunkBuilder {
  readonly batches: Part[] = [];
  readonly #limit: ChunkLimit;
  #of: RecordBatch | undefined;
  #records = 0;
  #bytes = 0;

  constructor(limit: ChunkLimit) {
    this.#limit = limit;
  }

  takes(size: number): boolean {
    if (this.#records === 0) return true;
    return this.#records < this.#limit.records && this.#bytes + size <= this.#limit.bytes;
  }

  add(batch: RecordBatch, row: readonly Value[], size: number, fault: RowFault | undefined): void {
    if (this.#of !== batch) {
      this.#of = batch;
      const { encoding, fields } = batch;
      this.batches.push({ encoding, fields, rows: [], faults: [] });
    }
    const part = this.batches.at(-1);
    if (fault !== undefined) part?.faults.push({ ...fault, row: part.rows.length });
    part?.rows.push(row);
    this.#records += 1;
    this.#bytes += size;
  }
}
