import type { JobDestination } from '../../../src/connectors/contract/jobs.ts';
import type { DecidedOperation } from '../../../src/engine/match/match.ts';
import type { JournalEntry } from '../../../src/store/runs/journal.ts';
import type { Numbered } from '../keyed/write-batches.ts';
import type { FailedOperation, KeyedWork } from '../keyed/keyed-work.ts';
import type { Waiting } from '../path.ts';
import type { Step } from '../step.ts';
import { ChunkJobs } from './chunk-jobs.ts';

/**
 * Writes a chunk's operations as jobs. While one runs, the step returns and comes again. What a job refuses is a record error,
 * and so are the records of a job that the system has lost: jobs are not made again within a run, the next run or
 * `retry-errors` sends those records anew.
 */
export async function exportJobs(
  work: KeyedWork<JobDestination>,
  step: Step,
  planned: readonly DecidedOperation[],
): Promise<FailedOperation[] | Waiting> {
  const jobs = await ChunkJobs.open(work, step, planned);
  const waiting = await jobs.advance();
  if (waiting !== null) return waiting;
  return failedOf(jobs.operations, await work.store.journal.read(step.run, step.chunk));
}

function failedOf(
  operations: readonly Numbered[],
  journal: readonly JournalEntry[],
): FailedOperation[] {
  const outcomes = new Map(journal.map(({ seq, outcome }) => [seq, outcome]));
  return operations.flatMap(({ seq, key, operation }): FailedOperation[] => {
    const outcome = outcomes.get(seq);
    if (outcome === undefined || outcome === null)
      throw new Error(`operation ${seq} has no outcome`);
    if (outcome.ok) return [];
    const { ok: _ok, ...why } = outcome;
    return [{ operation, error: { key, operation, ...why } }];
  });
}
