import {
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { Ended, RunActivities } from '../activities/activities.ts';
import { transition, type LifecycleEvent } from '../src/engine/lifecycle.ts';
import { tooManyErrors } from '../src/engine/stop-after.ts';
import { addStats, noStats, type Stats } from '../src/model/outcome.ts';
import type { RunPhase, RunStatus } from '../src/model/run.ts';
import {
  messages,
  searchAttributes,
  stagingLost,
  type OpenedRun,
  type RunResult,
  type RunState,
  type SyncRunInput,
} from '../src/model/workflow.ts';
import { details } from './details.ts';
import { failureOf } from './failure-of.ts';
import { gated, Pipeline } from './pipeline.ts';

const retry = { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '30s' } as const;
const { noteRun } = proxyActivities<RunActivities>({ startToCloseTimeout: '20s', retry });
const steps = proxyActivities<RunActivities>({
  startToCloseTimeout: '1h',
  // More than two beats: how long the work of a worker that was killed lies idle.
  heartbeatTimeout: '12s',
  // A run that stops must know what its last calls did, or its stats would lie (R10).
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry,
});

/** How often a run imports again what a destination's server lost in crashes. */
const mostLosses = 20;

/** One execution of a sync (DESIGN section 3). Only wires: activities do the work, reducers decide. */
export async function syncRun(input: SyncRunInput): Promise<RunResult> {
  return new SyncRun(input).execute();
}

class SyncRun {
  readonly #input: SyncRunInput;
  #status: RunStatus;
  #phase: RunPhase;
  #stats: Stats;
  #removal: { remove: number; of: number } | undefined;
  #approved = false;
  #awaiting = false;
  /** Something happened that the store has not been told. */
  #untold = false;
  #telling = false;
  /** The status that the search attribute and the details were last told. */
  #shown: RunStatus | undefined;

  constructor(input: SyncRunInput) {
    this.#input = input;
    this.#status = input.resume === undefined ? 'pending' : 'running';
    this.#phase = input.resume === undefined ? 'open' : 'sync';
    this.#stats = input.resume?.stats ?? noStats;
    setHandler(defineQuery<RunState>(messages.state), () => this.#state());
    setHandler(defineSignal(messages.pause), () => this.#steer('pause'));
    setHandler(defineSignal(messages.resume), () => this.#steer('resume'));
    setHandler(defineSignal(messages.approve), () => {
      this.#approved = true;
    });
  }

  async execute(): Promise<RunResult> {
    const { run, sync, resume } = this.#input;
    try {
      this.#advance('start');
      const opened =
        resume?.opened ??
        (await gated(this.#gate, () =>
          steps.openRun.executeWithOptions({ summary: sync }, [{ run, sync }]),
        ));
      this.#phase = 'sync';
      const nextChunk = await this.#syncChunks(opened, resume?.nextChunk ?? 0);
      if (opened.removes) await this.#remove(nextChunk);
      this.#phase = 'close';
      const end = { status: 'completed', failure: null } as const;
      return this.#end(await gated(this.#gate, () => steps.closeRun({ run, end })));
    } catch (error) {
      // Continue-as-new leaves by an exception of Temporal's own, which must pass.
      if (error instanceof Error && error.name === 'ContinueAsNew') throw error;
      return this.#stop(error);
    }
  }

  /** Runs the pipeline to the end of the source; returns the number of chunks. */
  async #syncChunks(opened: OpenedRun, firstChunk: number): Promise<number> {
    let nextChunk = firstChunk;
    for (let losses = 0; ; losses++) {
      const end = await this.#pipeline(opened).run(
        nextChunk,
        () => workflowInfo().continueAsNewSuggested,
      );
      ({ nextChunk } = end);
      if (end.done) {
        this.#judge(opened, true);
        return nextChunk;
      }
      if (!end.lost) break;
      if (losses >= mostLosses)
        throw ApplicationFailure.nonRetryable('staged rows were lost again and again', stagingLost);
    }
    return continueAsNew<typeof syncRun>({
      ...this.#input,
      resume: { opened, nextChunk, stats: this.#stats },
    });
  }

  #pipeline(opened: OpenedRun): Pipeline {
    const { run } = this.#input;
    return new Pipeline(this.#gate, {
      importPage: (chunk) =>
        steps.importPage.executeWithOptions({ summary: `chunk ${chunk}` }, [{ run, chunk }]),
      ...(opened.kind === 'records' && {
        matchChunk: (chunk: number) =>
          steps.matchChunk.executeWithOptions({ summary: `chunk ${chunk}` }, [{ run, chunk }]),
      }),
      // Records on their way to an API are waited for: two chunks at once keep its quota busy.
      exportsAtOnce: opened.kind === 'records' ? 2 : 1,
      exportChunk: (chunk) =>
        steps.exportChunk.executeWithOptions({ summary: `chunk ${chunk}` }, [{ run, chunk }]),
      exported: (stats) => {
        this.#count(stats);
        this.#judge(opened, false);
      },
    });
  }

  /** Fails the run when it has more record errors than its sync allows. */
  #judge({ stopAfter }: OpenedRun, complete: boolean): void {
    const reason = stopAfter && tooManyErrors(stopAfter, this.#stats, complete);
    if (reason) throw ApplicationFailure.nonRetryable(reason, 'too_many_errors');
  }

  /** Mirror: removes what the source no longer has, behind the guard (R7). */
  async #remove(chunk: number): Promise<void> {
    const { run } = this.#input;
    this.#phase = 'remove';
    const plan = await gated(this.#gate, () => steps.planRemoval({ run, chunk }));
    if (plan.remove === 0) return;
    if (plan.needsApproval && !this.#approved) {
      await this.#awaitApproval({ remove: plan.remove, of: plan.of });
    }
    this.#count(await gated(this.#gate, () => steps.exportRemoval({ run, chunk })));
  }

  async #awaitApproval(removal: { remove: number; of: number }): Promise<void> {
    this.#awaiting = true;
    this.#removal = removal;
    this.#advance('pause');
    this.#tell();
    await condition(() => this.#approved);
    this.#awaiting = false;
    this.#advance('resume');
    this.#tell();
  }

  /** Ends a run that was cancelled or failed: whatever stood in the way, cancelling is what was asked for last. */
  async #stop(error: unknown): Promise<RunResult> {
    const { run } = this.#input;
    const cancelled = CancellationScope.current().consideredCancelled;
    const end = cancelled
      ? ({ status: 'cancelled', failure: null } as const)
      : ({ status: 'failed', failure: failureOf(error) } as const);
    this.#phase = 'close';
    return this.#end(await CancellationScope.nonCancellable(() => steps.closeRun({ run, end })));
  }

  /** The run is over as the store has it: it may have completed just before it was to be stopped. */
  #end({ status, stats, failure }: Ended): RunResult {
    this.#stats = stats;
    this.#advance(status === 'completed' ? 'complete' : status === 'cancelled' ? 'cancel' : 'fail');
    if (status === 'cancelled') throw new CancelledFailure('the run was cancelled');
    return { run: this.#input.run, status, stats, ...(failure !== null && { failure }) };
  }

  /** What pauses the run: activities under way are stopped, and started again when it goes on. */
  readonly #gate = { closed: (): boolean => this.#status === 'paused' };

  #steer(event: 'pause' | 'resume'): void {
    // Only approval or cancellation ends the wait for approval (R7).
    if (this.#awaiting) return;
    const before = this.#status;
    this.#advance(event);
    if (this.#status !== before) this.#tell();
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
    const { run } = this.#input;
    const removal = this.#removal;
    return { run, status: this.#status, phase: this.#phase, ...(removal && { removal }) };
  }

  #count(stats: Stats): void {
    this.#stats = addStats(this.#stats, stats);
    this.#show();
  }

  #advance(event: LifecycleEvent): void {
    this.#status = transition(this.#status, event);
    this.#show();
  }

  #show(): void {
    setCurrentDetails(details(this.#state()));
    if (!this.#input.searchable || this.#shown === this.#status) return;
    this.#shown = this.#status;
    upsertSearchAttributes({ [searchAttributes.status]: [this.#status] });
  }

  #state(): RunState {
    return { run: this.#input.run, status: this.#status, phase: this.#phase, stats: this.#stats };
  }
}
