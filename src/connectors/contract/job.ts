import type { Calls } from './calls.ts';

/** The system's own name of a job, as text. Opaque to everyone else. */
export type JobReference = string;

/** The code of the `TransientError` that says: the system certainly knows the job no longer. */
export const jobLost = 'job_lost';

/** How a job is doing. */
export type JobProgress =
  | { readonly done: true }
  | {
      readonly done: false;
      /** When to ask again, in milliseconds. Default: soon at first, then more and more rarely. */
      readonly againMs?: number;
    };

/** A job that runs at the system for seconds to hours: submit → reference → poll. */
export interface LongJob {
  /**
   * Finds a job whose reference was lost with the answer to `submit`; null where there is none, so that it may be
   * submitted again. Only a job that will run counts: where submitting takes several requests, one that was made and not
   * started is made unstartable first. Absent: the system cannot be asked, and the job is taken for lost.
   * @param submission what `submit` was given
   */
  find?(submission: string, calls: Calls): Promise<JobReference | null>;
  /**
   * Asks how a job is doing. Between two calls nothing waits in a worker.
   * @throws ConfigError where the job failed as a whole and no retry helps; TransientError with the code {@link jobLost}
   *   where it is gone. A job that is merely not shown yet is not gone
   */
  poll(job: JobReference, calls: Calls): Promise<JobProgress>;
}
