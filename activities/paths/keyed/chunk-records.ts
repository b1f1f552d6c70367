import type { Page } from '../../../src/connectors/contract/page.ts';
import type { RecordBatch } from '../../../src/model/record.ts';
import type { ChunkLimit, Staged, Step } from '../path.ts';

/**
 * Keeps the records of a chunk between import and match: sealed in the state database, or, for records of an entity,
 * where they rest already.
 */
export interface ChunkRecords {
  /** Makes a page durable as one or more chunks, the first of them `step.chunk`, and the cursor with the last (R2). */
  stage(step: Step, page: Page, limit: ChunkLimit): Promise<Staged>;
  /** Reads the records of a staged chunk, in source order. */
  read(step: Step): Promise<RecordBatch[]>;
}
