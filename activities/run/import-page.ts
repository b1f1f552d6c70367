import { faultPoint } from '../../src/model/fault-point.ts';
import type { ChunkInput, Imported, RunActivities } from '../activities.ts';
import { stepOf } from '../host/attempt.ts';
import { exportLost, sourceJob } from '../paths/jobs/source-job.ts';
import { isLost } from '../paths/jobs/submitted.ts';
import { startOf } from '../session/ends.ts';
import type { Session } from '../session/session.ts';
import { type WorkerDependencies, withSession } from '../session/with-session.ts';
import { showWait } from './export-chunk.ts';

/** The longest time that one page of a slow source is read: a crash loses that much reading. Milliseconds. */
const readMs = 20_000;
const nothingLeft = { chunks: 0, records: 0, done: true };
const nothingYet = { chunks: 0, records: 0, done: false };

/**
 * Reads the page after the one that ended with the chunk before, and stages it. The cursor becomes durable in
 * the same transaction that makes the chunk staged (R2).
 */
export function importPage(deps: WorkerDependencies): RunActivities['importPage'] {
  return async (input) => {
    const answer = await withSession(deps, input.run, (session, signal) =>
      importNext(deps, session, input, signal),
    );
    return showWait(deps, input.run, answer);
  };
}

async function importNext(
  deps: WorkerDependencies,
  session: Session,
  input: ChunkInput,
  signal: AbortSignal,
): Promise<Imported> {
  const { ends, path } = session;
  const { source, plan, mapping } = ends;
  const { chunks } = deps.store;
  const before = input.chunk === 0 ? null : await chunks.get(input.run, input.chunk - 1);
  const start = startOf(ends, path.startsOver);
  if (before?.last ?? start?.done) return nothingLeft;
  const left = await allowance(deps, session, input);
  if (left <= 0) return nothingLeft;
  const step = stepOf(input.run, input.chunk, signal);
  const calls = ends.callSource({ signal });
  const read = {
    since: plan.since,
    until: plan.since === null ? null : plan.until,
    fields: mapping.needed,
    rest: mapping.rest !== null,
  };
  const job = source.job && (await sourceJob(deps.store, ends, source.job, step, read));
  if (typeof job === 'object') return { ...nothingYet, ...job };
  const limit = await path.limit(input.chunk);
  const room = { ...limit, records: Math.min(limit.records, left), ms: readMs };
  const cursor = before === null ? (start?.cursor ?? null) : before.cursor;
  faultPoint('import.before-fetch');
  try {
    const page = await source.read(
      { ...read, cursor, limit: room, ...(job !== undefined && { job }) },
      calls,
    );
    faultPoint('import.after-fetch');
    return await path.stage(step, page, limit);
  } catch (error) {
    if (job === undefined || !isLost(error)) throw error;
    return { ...nothingYet, ...(await exportLost(deps.store, ends, step)) };
  }
}

/** Returns the number of records that the run may still import. */
async function allowance(
  { store }: WorkerDependencies,
  { ends }: Session,
  { run, chunk }: ChunkInput,
): Promise<number> {
  const { limit } = ends.plan.options;
  return limit === undefined
    ? Number.POSITIVE_INFINITY
    : limit - (await store.chunks.importedBefore(run, chunk));
}
