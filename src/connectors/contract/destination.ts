import type { JobDestination } from './jobs.ts';
import type { RecordDestination } from './records.ts';
import type { StagingDestination } from './staging.ts';

/**
 * A stream that is open for writing, of one of three kinds. `staging` applies whole chunks as sets, `records` takes
 * records one by one or in batches, `jobs` takes many records as a job that runs for long.
 */
export type Destination = StagingDestination | RecordDestination | JobDestination;
