import type { JobDestination } from '../../../src/connectors/contract/jobs.ts';
import { largestRecord } from '../../../src/model/too-large.ts';
import { KeyedPath } from '../keyed/keyed-path.ts';
import type { KeyedWork } from '../keyed/keyed-work.ts';
import { exportJobs } from './export-jobs.ts';
import { settleJobs } from './settle-jobs.ts';

/** Most records of a chunk: a job is worth its wait only where it takes many. */
const mostRecords = 50_000;
/** Most bytes of a chunk: it rests, sealed, in the state database until its jobs are done. */
const mostBytes = 32 << 20;

/** The way of a chunk to a destination that takes records as long jobs: submit, leave the worker, ask again. */
export function jobsPath(work: KeyedWork<JobDestination>): KeyedPath {
  const { create, update } = work.destination.batch;
  const records = Math.min(mostRecords, create, update);
  return new KeyedPath(work, {
    kind: 'jobs',
    startsOver: false,
    limit: () => Promise.resolve({ records, bytes: mostBytes, record: largestRecord }),
    write: (step, operations) => exportJobs(work, step, operations),
    settle: (signal) => settleJobs(work, signal),
  });
}
