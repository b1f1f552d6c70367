import type { Calls } from '../../../src/connectors/contract/calls.ts';
import type { JobReference } from '../../../src/connectors/contract/job.ts';
import type { SourceJob } from '../../../src/connectors/contract/jobs.ts';
import { TransientError } from '../../../src/model/failure.ts';
import type { Store } from '../../../src/store/store.ts';
import type { Step, Waiting } from '../path.ts';
import { againMs, referenceOf } from './submitted.ts';

/** The chunk whose row keeps the job of a run's read. */
const jobChunk = 0;

/**
 * The export job that the pages of a run's read come from, submitted once by whichever attempt is first; or when to come
 * again while it runs.
 */
export async function sourceJob(
  { chunks, jobs }: Store,
  job: SourceJob,
  { run, chunk, token }: Step,
  read: Parameters<SourceJob['submit']>[0],
  calls: Calls,
): Promise<JobReference | Waiting> {
  const [known] = await jobs.list(run, jobChunk, 'import');
  if (known?.done === true && known.reference !== null) return known.reference;
  if (chunk !== jobChunk) throw new Error('pages were read before their job was done');
  await chunks.claim(run, jobChunk, token);
  const owner = { run, no: jobChunk, token };
  const name = `${run}-read`;
  const submission = { owner, part: 0, kind: 'import' as const, name };
  const reference = await referenceOf(jobs, submission, known, job, calls, () =>
    job.submit(read, name, calls),
  );
  // A second export does no harm: nothing was read from the first.
  if (reference === null) {
    await jobs.submitted(owner, 0, 'import', await job.submit(read, name, calls));
    throw new TransientError('job_lost', 'the export job was submitted again');
  }
  const progress = await job.poll(reference, calls);
  if (!progress.done) return { waitMs: againMs(known?.submittedAt, progress.againMs) };
  await jobs.done(owner, 0, 'import');
  return reference;
}
