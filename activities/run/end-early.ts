import { ConfigError, SluiceError, TransientError } from '../../src/model/failure.ts';
import { permissionsOf } from '../../src/model/mode.ts';
import { writesAllDue, type RunFailure } from '../../src/model/run.ts';
import { unsettled } from '../../src/store/runs/leftovers.ts';
import type { RunPlan } from '../../src/store/runs/run-plans.ts';
import type { WorkerDependencies } from '../session/with-session.ts';
import { settleByJournal } from '../paths/keyed/settle-by-journal.ts';

/** The time that a destination, which may be down, has to say what it has applied. Milliseconds. */
const askMs = 5_000;

/**
 * Is never aborted: settling that takes too long for the run's end goes on in the background, and tidies up all the
 * same.
 */
const unhurried = new AbortController().signal;

/** The end of a run that does not complete. */
interface EarlyEnd {
  readonly status: 'failed' | 'cancelled';
  readonly failure: RunFailure | null;
}

/**
 * Ends a run that failed or was cancelled: counts what it has written and drops what it staged. When the destination
 * does not answer, the run ends all the same and says that its stats may be short; the next run settles them.
 * @returns false when there is no such run
 */
export async function endEarly(
  deps: WorkerDependencies,
  run: string,
  end: EarlyEnd,
): Promise<boolean> {
  const { store } = deps;
  const plan = await store.runPlans.get(run);
  if (plan === null) return false;
  // A mirror that continues this run must know every key that the source still has.
  const keepSeen = permissionsOf(plan.spec.mode).remove && writesAllDue(plan.options);
  const doubtful = (await store.chunks.unfinished(run)).some(({ exporting }) => exporting);
  // A run that never opened has left nothing behind, and opening it now would fail again.
  const settled = plan.kind === null || (await settle(deps, run, keepSeen)) === true;
  if (!settled) await settleByJournal(store, run);
  const mayApply = plan.kind === 'staging' ? doubtful : await store.jobs.areUnderWay(run);
  const inDoubt = !settled && mayApply;
  const failure = inDoubt ? withDoubt(end.failure, plan) : end.failure;
  await store.runProgress.finish(run, { ...end, failure, outcome: null, watermark: null });
  await store.chunks.cleanUp(run, { keepSeen });
  if (settled && !keepSeen) await store.leftovers.tidied(run);
  return true;
}

/**
 * Tidies up after earlier runs of the sync that could not do so themselves: their workflow was terminated, their
 * destination was down, or they kept what a run that continues them would have needed.
 * @param origin the run that this one continues, directly or through others; what it keeps is still needed
 */
export async function tidyRemains(
  deps: WorkerDependencies,
  run: string,
  origin: string,
): Promise<void> {
  const { store } = deps;
  for (const dead of await store.leftovers.before(run)) {
    const keepSeen = dead.origin === origin;
    const settled = await settle(deps, dead.id, keepSeen);
    // Nobody can be asked any more what became of its jobs.
    if (settled instanceof ConfigError) await giveUpJobs(deps, dead.id);
    const failure = { code: 'terminated', message: 'the workflow was ended from outside' };
    const end = { status: 'failed', outcome: null, failure, watermark: null } as const;
    if (dead.open) await store.runProgress.finish(dead.id, end);
    await store.chunks.cleanUp(dead.id, { keepSeen });
    // A run that begins now could write the same records a second time.
    if (await store.jobs.areUnderWay(dead.id)) throw stillUnderWay(settled);
    // Where its connection is gone for good, there is nothing that could be tidied.
    if ((settled === true || settled instanceof ConfigError) && !keepSeen)
      await store.leftovers.tidied(dead.id);
    await deps.sessions.drop(dead.id);
  }
}

async function giveUpJobs({ store }: WorkerDependencies, run: string): Promise<void> {
  if (!(await store.jobs.areUnderWay(run))) return;
  await store.jobs.giveUp(run);
  await settleByJournal(store, run);
}

/** Why a run cannot begin while a job of an earlier one goes on. */
function stillUnderWay(settled: unknown): Error {
  if (settled instanceof SluiceError) return settled;
  return new TransientError(
    'unsettled',
    'a job of an earlier run could not be asked about in time',
  );
}

/** Settles a run's chunks and drops what it staged; returns what went wrong where that was not possible in time. */
async function settle(
  { sessions }: WorkerDependencies,
  run: string,
  keepSeen: boolean,
): Promise<unknown> {
  const work = sessions.use(run, async ({ path }) => {
    await path.settle(unhurried);
    await path.abandon(keepSeen, unhurried);
    return true;
  });
  const late = new Promise((resolve) => setTimeout(resolve, askMs).unref());
  return Promise.race([work.catch((error: unknown) => error), late]);
}

function withDoubt(failure: RunFailure | null, { spec, kind }: RunPlan): RunFailure {
  const { connection } = spec.destination;
  const cause =
    kind === 'jobs'
      ? `a job of ${connection} is still under way`
      : `${connection} could not be asked what it has applied of the last chunk`;
  const doubt = `${cause}: the stats may be short of it until the sync runs again`;
  return failure === null
    ? { code: unsettled, message: doubt, connection }
    : { ...failure, message: `${failure.message}; ${doubt}` };
}
