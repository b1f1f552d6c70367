import {
  CancellationScope,
  CancelledFailure,
  condition,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import type { Ended, RunActivities, WaitedJob } from '../activities/activities.ts';
import { transition, type LifecycleEvent } from '../src/engine/run/lifecycle.ts';
import { addStats, type Stats } from '../src/model/outcome.ts';
import type { Removal, RunFailure, RunPhase, RunStatus } from '../src/model/run.ts';
import { searchAttributes, type RunResult, type RunState } from '../src/model/workflow.ts';
import { details } from './details.ts';
import { failureOf } from './failure-of.ts';
import { approveSignal, pauseSignal, resumeSignal, stateQuery } from './messages.ts';

/** How activities are tried again. */
export const retryPolicy = {
  initialInterval: '1s',
  backoffCoefficient: 2,
  maximumInterval: '30s',
} as const;

/** How the activities run that do a run's work. */
export const workOptions = {
  startToCloseTimeout: '1h',
  // More than two beats: how long the work of a worker that was killed lies idle.
  heartbeatTimeout: '12s',
  // A run that stops must know what its last calls did, or its stats would lie (R10).
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: retryPolicy,
} as const;

const { noteRun } = proxyActivities<RunActivities>({
  startToCloseTimeout: '20s',
  retry: retryPolicy,
});

/** How a run ends, as its closing activity is told. */
export interface End {
  readonly status: 'completed' | 'failed' | 'cancelled';
  readonly failure: RunFailure | null;
}

/** What a run begins with. */
interface Beginning {
  readonly run: string;
  readonly searchable: boolean;
  readonly status: RunStatus;
  readonly phase: RunPhase;
  readonly stats: Stats;
}

/**
 * The life of a run or a cycle: its status and counts, who steers it, and whom it tells (DESIGN section 3).
 *
 * ```
 *   pending ─▶ running ◀──resume── paused        pause, resume: by signal
 *                 │ ▲ ──pause──▶     │
 *                 │ └──approve─── paused (awaits approval of a removal; only approve or cancel ends it, R7)
 *                 ▼
 *   completed | failed | cancelled               a stop closes the run first, whatever is under way
 * ```
 *
 * Every change is shown in the Temporal UI at once, and told to the store by notes that follow each other.
 */
export class RunLife {
  phase: RunPhase;
  /** Called when the run was paused or resumed by a signal. */
  onPauseOrResume: ((event: 'pause' | 'resume') => void) | undefined;
  readonly #run: string;
  readonly #searchable: boolean;
  #status: RunStatus;
  #stats: Stats;
  #removal: Removal | undefined;
  #approved = false;
  #awaiting = false;
  /** The long jobs that steps wait for, by step. */
  readonly #waited = new Map<string, WaitedJob>();
  /** A pause that came along with the start, before the run was running. */
  #pausesAtStart = false;
  /** Something happened that the store has not been told. */
  #untold = false;
  #telling = false;
  /** The status that the search attribute and the details were last told. */
  #shown: RunStatus | undefined;

  constructor({ run, searchable, status, phase, stats }: Beginning) {
    this.#run = run;
    this.#searchable = searchable;
    this.#status = status;
    this.phase = phase;
    this.#stats = stats;
    setHandler(stateQuery, () => this.#state());
    setHandler(pauseSignal, () => this.#steer('pause'));
    setHandler(resumeSignal, () => this.#steer('resume'));
    setHandler(approveSignal, () => {
      this.#approved = true;
    });
  }

  get stats(): Stats {
    return this.#stats;
  }

  /** Closed while the run is paused: activities under way are stopped, and started again when it goes on. */
  readonly gate = { closed: (): boolean => this.#status === 'paused' };

  count(stats: Stats): void {
    this.#stats = addStats(this.#stats, stats);
    this.#show();
  }

  /** Shows which long job a step waits for; undefined: none any more. */
  waits(step: string, job: WaitedJob | undefined): void {
    if (job === undefined && !this.#waited.delete(step)) return;
    if (job !== undefined) this.#waited.set(step, job);
    this.#show();
  }

  /** Begins, or goes on as new. A pause that came before holds from the first step on. */
  start(): void {
    this.advance('start');
    if (this.#pausesAtStart) this.#steer('pause');
  }

  advance(event: LifecycleEvent): void {
    this.#status = transition(this.#status, event);
    this.#show();
  }

  /** Waits until somebody lets the run remove so much (R7); not at all where that was said before. */
  async awaitApproval(removal: Removal): Promise<void> {
    if (this.#approved) return;
    this.#awaiting = true;
    this.#removal = removal;
    this.advance('pause');
    this.#tell();
    await condition(() => this.#approved);
    this.#awaiting = false;
    this.advance('resume');
    this.#tell();
  }

  /** Ends a run that was cancelled or failed: whatever stood in the way, cancelling is what was asked for last. */
  async stop(error: unknown, close: (end: End) => Promise<Ended>): Promise<RunResult> {
    const end: End = CancellationScope.current().consideredCancelled
      ? { status: 'cancelled', failure: null }
      : { status: 'failed', failure: failureOf(error) };
    this.phase = 'close';
    return this.end(await CancellationScope.nonCancellable(() => close(end)));
  }

  /** The run is over as the store has it: it may have completed just before it was to be stopped. */
  end({ status, stats, failure }: Ended): RunResult {
    this.#stats = stats;
    this.advance(status === 'completed' ? 'complete' : status === 'cancelled' ? 'cancel' : 'fail');
    if (status === 'cancelled') throw new CancelledFailure('the run was cancelled');
    return { run: this.#run, status, stats, ...(failure !== null && { failure }) };
  }

  #steer(event: 'pause' | 'resume'): void {
    // Only approval or cancellation ends the wait for approval (R7).
    if (this.#awaiting) return;
    const before = this.#status;
    if (before === 'pending') this.#pausesAtStart = event === 'pause';
    this.advance(event);
    if (this.#status === before) return;
    this.#tell();
    this.onPauseOrResume?.(event);
  }

  /** Tells readers outside Temporal how the run is: one note after the other, so that the last is the latest. */
  #tell(): void {
    this.#untold = true;
    if (this.#telling) return;
    this.#telling = true;
    // Whatever stops the run must not stop the note, and a note that fails must not stop the run.
    void CancellationScope.nonCancellable(async () => {
      while (this.#untold) {
        this.#untold = false;
        await noteRun(this.#noted()).catch(() => undefined);
      }
      this.#telling = false;
    });
  }

  #noted(): Parameters<RunActivities['noteRun']>[0] {
    const removal = this.#removal;
    return { run: this.#run, status: this.#status, phase: this.phase, ...(removal && { removal }) };
  }

  #show(): void {
    setCurrentDetails(details(this.#state(), [...this.#waited.values()]));
    if (!this.#searchable || this.#shown === this.#status) return;
    this.#shown = this.#status;
    upsertSearchAttributes({ [searchAttributes.status]: [this.#status] });
  }

  #state(): RunState {
    return { run: this.#run, status: this.#status, phase: this.phase, stats: this.#stats };
  }
}
