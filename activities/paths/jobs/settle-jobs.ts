import { setTimeout as sleep } from 'node:timers/promises';
import type { JobDestination } from '../../../src/connectors/contract/jobs.ts';
import { operationsCodec } from '../../../src/engine/run/chunk-codec.ts';
import { LimitedError } from '../../../src/model/failure.ts';
import { finalToken } from '../../../src/store/runs/fencing.ts';
import { inTurns } from '../../host/in-turns.ts';
import type { KeyedWork } from '../keyed/keyed-work.ts';
import type { Waiting } from '../path.ts';
import { ChunkJobs } from './chunk-jobs.ts';

/** The end of a run waits this long for jobs that may be done soon, and asks about them this often. Milliseconds. */
const patienceMs = 3_000;
const askMs = 500;

/**
 * Takes the results of the jobs of a run that ended early, as far as they are done soon.
 * @throws LimitedError when one goes on: its chunk stays as it is, for whoever settles the run again
 */
export async function settleJobs(
  work: KeyedWork<JobDestination>,
  signal: AbortSignal,
): Promise<void> {
  const until = Date.now() + patienceMs;
  let waiting = await settleOnce(work, signal);
  while (waiting !== null && Date.now() < until) {
    await sleep(askMs, undefined, { signal });
    waiting = await settleOnce(work, signal);
  }
  if (waiting === null) return;
  const { connection } = work.ends.plan.spec.destination;
  const message = `${connection}: a job of a run that ended early is still under way`;
  throw new LimitedError(message, waiting.waitMs, { connection });
}

async function settleOnce(
  work: KeyedWork<JobDestination>,
  signal: AbortSignal,
): Promise<Waiting | null> {
  const { store, ends } = work;
  const { run } = ends;
  let waiting: Waiting | null = null;
  for (const { no } of await store.chunks.unfinished(run)) {
    if (!(await store.jobs.areUnderWay(run, no))) continue;
    // From now on no attempt of the run submits anything (R6).
    await store.chunks.claim(run, no, finalToken);
    const text = await store.staged.get(run, no, 'operations');
    const planned = text === null ? [] : await inTurns(operationsCodec.decode(text));
    const step = { run, chunk: no, token: finalToken, attempt: 1, signal };
    waiting = (await (await ChunkJobs.open(work, step, planned)).settle()) ?? waiting;
  }
  return waiting;
}
