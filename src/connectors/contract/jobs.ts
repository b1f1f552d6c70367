import type { Calls } from './calls.ts';
import type { KeyedDestination, WriteOperation, WriteResult } from './records.ts';
import type { JobReference, LongJob } from './job.ts';
import type { PageRequest } from './page.ts';

/**
 * A destination that takes records as long jobs, such as Salesforce's Bulk API 2.0 or Marketo's bulk import. The runtime
 * notes the reference in the journal before it waits, so that a worker that dies while a job runs finds the job again,
 * and none is submitted twice.
 */
export interface JobDestination extends KeyedDestination, LongJob {
  readonly kind: 'jobs';
  /**
   * Submits operations of one kind, at most `batch` of them, as one job. The last of its calls starts the job; the ones
   * before it, which make and fill it, are made with `effect: false`. A submission that breaks off before the last call may
   * be made again without being looked for.
   * @param submission the same on every attempt, different for every other job; fit to name the job at the system
   */
  submit(
    operations: readonly WriteOperation[],
    submission: string,
    calls: Calls,
  ): Promise<JobReference>;
  /**
   * The results of a job that is done, one per operation, in the order in which they were submitted.
   * @throws TransientError `job_lost` where the system keeps them no longer
   */
  results(
    job: JobReference,
    operations: readonly WriteOperation[],
    calls: Calls,
  ): Promise<WriteResult[]>;
}

/**
 * An export that a source must make ready before its first page, such as a bulk query: submit → reference → poll → pages.
 * `Source.read` throws a TransientError `job_lost` where the export is gone that it reads from.
 */
export interface SourceJob extends LongJob {
  /**
   * Submits the export that the pages of one read will come from. As with the submission of records, only the last of its
   * calls has an effect.
   */
  submit(
    read: Pick<PageRequest, 'since' | 'until' | 'fields' | 'rest'>,
    submission: string,
    calls: Calls,
  ): Promise<JobReference>;
}
