import {
  ActivityFailure,
  CancellationScope,
  condition,
  isCancellation,
  sleep,
} from '@temporalio/workflow';
import type { WaitedJob, Waiting } from '../activities/activities.ts';

/** Tells whether the run is paused; then the gate is closed. */
export interface PauseGate {
  closed(): boolean;
}

/**
 * Runs `work`, which a pause interrupts: when the gate closes, the work is cancelled, and started again once it opens.
 * Activities go on where their chunk stands.
 */
export async function pausable<T>(gate: PauseGate, work: () => Promise<T>): Promise<T> {
  for (;;) {
    if (gate.closed()) await condition(() => !gate.closed());
    const scope = new CancellationScope();
    let stopped = false;
    let over = false;
    // When the run is cancelled, this rejects before `work` does, and must not count as an unhandled rejection.
    const watch = scope
      .run(async () => {
        await condition(() => over || gate.closed());
        if (over) return;
        stopped = true;
        scope.cancel();
      })
      .catch(() => undefined);
    try {
      return await scope.run(work);
    } catch (error) {
      if (!stopped || !obeyed(error)) throw error;
    } finally {
      over = true;
      await watch;
    }
  }
}

/**
 * Runs a step while the gate is open, again and again as long as it says that it waits; nothing waits in a worker.
 * @param waits told after each time which long job the step waits for; undefined: none
 */
export async function untilDone<T extends object>(
  gate: PauseGate,
  step: () => Promise<T | Waiting>,
  waits?: (job: WaitedJob | undefined) => void,
): Promise<Exclude<T, Waiting>> {
  for (;;) {
    const answer = await pausable(gate, step);
    waits?.(isWaiting(answer) ? answer.job : undefined);
    if (!isWaiting(answer)) return answer as Exclude<T, Waiting>;
    const { waitMs } = answer;
    await pausable(gate, () => sleep(waitMs));
  }
}

function isWaiting(answer: object): answer is Waiting {
  return 'waitMs' in answer && typeof answer.waitMs === 'number';
}

/**
 * True when `error` is the end of an activity that was asked to stop. Either it stopped, or its attempt failed or was
 * lost with its worker, and the server made no further attempt because of the request.
 */
function obeyed(error: unknown): boolean {
  if (isCancellation(error)) return true;
  return error instanceof ActivityFailure && error.retryState === 'CANCEL_REQUESTED';
}
