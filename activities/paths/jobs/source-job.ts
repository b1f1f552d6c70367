import type { JobReference } from '../../../src/connectors/contract/job.ts';
import type { SourceJob } from '../../../src/connectors/contract/jobs.ts';
import { ConfigError } from '../../../src/model/failure.ts';
import type { Store } from '../../../src/store/store.ts';
import type { Ends } from '../../ends/ends.ts';
import type { Waiting } from '../path.ts';
import type { Step } from '../step.ts';
import { againMs, isLost, referenceOf, submitOnce, type Submission } from './submitted.ts';

/** The chunk whose row keeps the job of a run's read. */
const jobChunk = 0;
/** So often an export is submitted anew that the system has lost: each may use up a part of a day's quota. */
const mostLosses = 3;

/**
 * The export job that the pages of a run's read come from, submitted once by whichever attempt is first; or when to come
 * again while it runs. One that the system loses before a page of it is durable is submitted anew, as the next part:
 *
 * ```
 *   part 0 ── lost ──▶ part 1 ── done ──▶ pages
 * ```
 *
 * @throws ConfigError `job_lost` when the system loses one after the other
 */
export async function sourceJob(
  store: Store,
  ends: Pick<Ends, 'plan' | 'callSource'>,
  job: SourceJob,
  { run, chunk, token, signal }: Step,
  read: Parameters<SourceJob['submit']>[0],
): Promise<JobReference | Waiting> {
  const { chunks, jobs } = store;
  const last = (await jobs.list(run, jobChunk, 'import')).at(-1);
  if (last?.done === true && last.reference !== null) return last.reference;
  if (chunk !== jobChunk) throw new Error('pages were read before their job was done');
  await chunks.claim(run, jobChunk, token);
  const known = last?.done === true ? undefined : last;
  const part = known?.part ?? (last === undefined ? 0 : last.part + 1);
  const { connection } = ends.plan.spec.source;
  if (part > mostLosses) throw lostAgain(connection);
  const owner = { run, no: jobChunk, token };
  const name = part === 0 ? `${run}-read` : `${run}-read-${part}`;
  const submission: Submission = { owner, part, kind: 'import', name };
  const calls = ends.callSource({ signal });
  const submit = () => submitExport({ store, ends, job }, submission, signal, read);
  // If nobody can tell whether it was submitted, it is submitted again: a second export costs quota and does no other harm.
  const reference =
    (await referenceOf(jobs, submission, known, job, calls, submit)) ??
    (await noted(store, submission, await submit()));
  const waits = (waitMs: number): Waiting => ({ waitMs, job: { name, connection } });
  try {
    const progress = await job.poll(reference, calls);
    if (!progress.done) return waits(againMs(known?.submittedAt, progress.againMs));
  } catch (error) {
    if (!isLost(error)) throw error;
    await jobs.lost(owner, part, 'import');
    return waits(againMs(undefined));
  }
  await jobs.done(owner, part, 'import');
  return reference;
}

/** Submits the export if the run's first chunk is still the attempt's own (R6). */
function submitExport(
  { store, ends, job }: { store: Store; ends: Pick<Ends, 'callSource'>; job: SourceJob },
  submission: Submission,
  signal: AbortSignal,
  read: Parameters<SourceJob['submit']>[0],
): Promise<JobReference> {
  const { owner, name } = submission;
  const fence = () => store.journal.write(owner, { entries: [] });
  const calls = ends.callSource({ signal, repeatable: false, fence });
  return submitOnce(store.jobs, submission, job, calls, (once) => job.submit(read, name, once));
}

async function noted(
  { jobs }: Store,
  { owner, part, kind }: Submission,
  reference: JobReference,
): Promise<JobReference> {
  await jobs.submitted(owner, part, kind, reference);
  return reference;
}

/**
 * Says what follows when the export is gone that a run reads its pages from: while no page of it is durable it is submitted
 * anew, so the step comes again.
 * @throws ConfigError `job_lost` later on: another export holds other pages
 */
export async function exportLost(
  { chunks, jobs }: Store,
  { plan }: Pick<Ends, 'plan'>,
  { run, chunk, token }: Step,
): Promise<Waiting> {
  const { connection } = plan.spec.source;
  if (chunk !== jobChunk) {
    const message = `${connection}: the export that this run was reading is gone: run the sync again, it is exported anew`;
    throw new ConfigError('job_lost', message, { connection });
  }
  await chunks.claim(run, jobChunk, token);
  const last = (await jobs.list(run, jobChunk, 'import')).at(-1);
  if (last !== undefined) await jobs.lost({ run, no: jobChunk, token }, last.part, 'import');
  return { waitMs: againMs(undefined) };
}

function lostAgain(connection: string): ConfigError {
  const message = `${connection}: the system has lost the run's export ${mostLosses + 1} times: find out why it drops exports, then run the sync again`;
  return new ConfigError('job_lost', message, { connection });
}
