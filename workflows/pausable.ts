import {
  ActivityFailure,
  CancellationScope,
  condition,
  isCancellation,
  sleep,
} from '@temporalio/workflow';
import type { WaitedJob, Waiting } from '../activities/activities.ts';

/** Holds a run up while it is closed: the run is paused. */
export interface PauseGate {
  closed(): boolean;
}

/**
 * Runs `work` while the gate is open. When it closes, the work is cancelled and started again once the gate
 * opens: activities pick up where their chunk stands.
 */
export async function pausable<T>(gate: PauseGate, work: () => Promise<T>): Promise<T> {
  for (;;) {
    if (gate.closed()) await condition(() => !gate.closed());
    const scope = new CancellationScope();
    let stopped = false;
    let over = false;
    // When the run is cancelled this ends at once, and work only when its activity has: it must not count as unhandled.
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
 * True where `error` is how an activity ends that was asked to stop: it obeyed, or the attempt under way failed or was
 * lost with its worker, and the server makes no further one because a stop had been asked for.
 */
function obeyed(error: unknown): boolean {
  if (isCancellation(error)) return true;
  return error instanceof ActivityFailure && error.retryState === 'CANCEL_REQUESTED';
}
