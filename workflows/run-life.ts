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

/** The retry policy of all activities. */
export const retryPolicy = {
  initialInterval: '1s',
  backoffCoefficient: 2,
  maximumInterval: '30s',
} as const;

/** The options of the activities that do a run's work. */
export const workOptions = {
  startToCloseTimeout: '1h',
  // Two heartbeats and some more: for this long the work of a killed worker lies idle.
  heartbeatTimeout: '12s',
  // A run that stops must know the outcome of its last calls, or its stats would be wrong (R10).
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: retryPolicy,
} as const;

const { noteRun } = proxyActivities<RunActivities>({
  startToCloseTimeout: '20s',
  retry: retryPolicy,
});

/** The end of a run, as its closing activity is told. */
export interface End {
  readonly status: 'completed' | 'failed' | 'cancelled';
  readonly failure: RunFailure | null;
}

/** The state in which a run begins. */
interface Beginning {
  readonly run: string;
  readonly searchable: boolean;
  readonly status: RunStatus;
  readonly phase: RunPhase;
  readonly stats: Stats;
}

/**
 * Keeps the status and counts of a run or a cycle, takes the signals that steer it, and tells others of each change
 * (DESIGN section 3).
 *
 * ```
 *               ┌── pause ─▶ paused ── resume ─▶ running        by signal
 *   pending ─▶ running
 *               ├── a removal needs approval ─▶ paused ── approve ─▶ running      resume does nothing here (R7)
 *               └── done, failed or cancelled ─▶ close ─▶ completed | failed | cancelled
 * ```
 *
 * The Temporal UI shows every change at once. The store is told of pauses and approvals by one note after the other;
 * its activities note the rest.
 */
export class RunLife {
  phase: RunPhase;
  /** Called when a signal has paused or resumed the run. */
  onPauseOrResume: ((event: 'pause' | 'resume') => void) | undefined;
  readonly #run: string;
  readonly #searchable: boolean;
  #status: RunStatus;
  #stats: Stats;
  #removal: Removal | undefined;
  #approved = false;
  /** True while the run waits for approval. */
  #awaiting = false;
  /** The long jobs that steps wait for, by step. */
  readonly #waited = new Map<string, WaitedJob>();
  /** A pause that came along with the start, before the run was running. */
  #pausesAtStart = false;
  /** Something happened that the store has not been told. */
  #untold = false;
  /** True while a note to the store is under way. */
  #telling = false;
  /** The status that the search attribute holds. */
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

  /** Closed while the run is paused. Then activities under way are stopped, and started again when it is resumed. */
  readonly gate = { closed: (): boolean => this.#status === 'paused' };

  /** Adds the counts of a chunk. */
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

  /** Waits, paused, until somebody approves the removal (R7). Returns at once when it was approved before. */
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

  /**
   * Closes and ends a run that failed or was cancelled. A run that was asked to cancel is cancelled, whatever `error`
   * is.
   */
  async stop(error: unknown, close: (end: End) => Promise<Ended>): Promise<RunResult> {
    const end: End = CancellationScope.current().consideredCancelled
      ? { status: 'cancelled', failure: null }
      : { status: 'failed', failure: failureOf(error) };
    this.phase = 'close';
    return this.end(await CancellationScope.nonCancellable(() => close(end)));
  }

  /** Ends the workflow as the store says that the run ended: it may have completed just before it was to be stopped. */
  end({ status, stats, failure }: Ended): RunResult {
    this.#stats = stats;
    this.advance(status === 'completed' ? 'complete' : status === 'cancelled' ? 'cancel' : 'fail');
    if (status === 'cancelled') throw new CancelledFailure('the run was cancelled');
    return { run: this.#run, status, stats, ...(failure !== null && { failure }) };
  }

  #steer(event: 'pause' | 'resume'): void {
    // Only approval or cancellation ends the wait for approval (R7), so `resume` does not.
    if (this.#awaiting) return;
    const before = this.#status;
    if (before === 'pending') this.#pausesAtStart = event === 'pause';
    this.advance(event);
    if (this.#status === before) return;
    this.#tell();
    this.onPauseOrResume?.(event);
  }

  /**
   * Notes the run's status in the store, for readers outside Temporal. Notes follow each other, so the last is the
   * latest.
   */
  #tell(): void {
    this.#untold = true;
    if (this.#telling) return;
    this.#telling = true;
    // Cancelling the run must not cancel the note, and a note that fails must not fail the run.
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
