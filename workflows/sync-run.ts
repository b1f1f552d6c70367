import {
  ApplicationFailure,
  continueAsNew,
  proxyActivities,
  workflowInfo,
} from '@temporalio/workflow';
import type { RunActivities } from '../activities/activities.ts';
import { tooManyErrors } from '../src/engine/run/stop-after.ts';
import { noStats } from '../src/model/outcome.ts';
import {
  stagingLost,
  type OpenedRun,
  type RunResult,
  type SyncRunInput,
} from '../src/model/workflow.ts';
import { Pipeline } from './pipeline.ts';
import { RunLife, workOptions, type End } from './run-life.ts';
import { untilDone, pausable } from './pausable.ts';

const steps = proxyActivities<RunActivities>(workOptions);

/** The number of times that a run imports again what a crash of the destination's server lost. */
const mostLosses = 20;

/**
 * Runs a sync once (DESIGN section 3). It only puts steps in order: activities do the work.
 *
 * ```
 *   open ─▶ import, match, export (Pipeline) ─▶ remove (a mirror) ─▶ close
 *                │ staged rows lost: again from there
 *                └ long history: continues as new with ids and counts
 * ```
 */
export async function syncRun(input: SyncRunInput): Promise<RunResult> {
  return new SyncRun(input).execute();
}

class SyncRun {
  readonly #input: SyncRunInput;
  readonly #life: RunLife;

  constructor(input: SyncRunInput) {
    const { run, searchable, resume } = input;
    this.#input = input;
    this.#life = new RunLife({
      run,
      searchable,
      status: resume === undefined ? 'pending' : 'running',
      phase: resume === undefined ? 'open' : 'sync',
      stats: resume?.stats ?? noStats,
    });
  }

  async execute(): Promise<RunResult> {
    const { run, sync, parent, resume } = this.#input;
    const life = this.#life;
    const started = { run, sync, ...(parent !== undefined && { parent }) };
    const close = (end: End) => steps.closeRun({ ...started, end });
    try {
      life.start();
      const opened =
        resume?.opened ??
        (await pausable(life.gate, () =>
          steps.openRun.executeWithOptions({ summary: sync }, [started]),
        ));
      life.phase = 'sync';
      const nextChunk = await this.#syncChunks(opened, resume?.nextChunk ?? 0);
      if (opened.removes) await this.#remove(nextChunk);
      life.phase = 'close';
      const end = { status: 'completed', failure: null } as const;
      return life.end(await pausable(life.gate, () => close(end)));
    } catch (error) {
      // Continue-as-new is an exception of Temporal's, which must pass.
      if (error instanceof Error && error.name === 'ContinueAsNew') throw error;
      return life.stop(error, close);
    }
  }

  /** Runs the pipeline to the end of the source. Returns the number of chunks. */
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
      resume: { opened, nextChunk, stats: this.#life.stats },
    });
  }

  #pipeline(opened: OpenedRun): Pipeline {
    const { run } = this.#input;
    return new Pipeline(this.#life.gate, {
      importPage: (chunk) =>
        steps.importPage.executeWithOptions({ summary: `chunk ${chunk}` }, [{ run, chunk }]),
      ...(opened.kind !== 'staging' && {
        matchChunk: (chunk: number) =>
          steps.matchChunk.executeWithOptions({ summary: `chunk ${chunk}` }, [{ run, chunk }]),
      }),
      // Two chunks at once keep an API's quota busy while one of them ends.
      exportsAtOnce: opened.kind === 'staging' ? 1 : 2,
      exportChunk: (chunk) =>
        steps.exportChunk.executeWithOptions({ summary: `chunk ${chunk}` }, [{ run, chunk }]),
      exported: (stats) => {
        this.#life.count(stats);
        this.#judge(opened, false);
      },
      waits: (step, job) => this.#life.waits(step, job),
    });
  }

  /** Throws when the run has more record errors than its sync allows. */
  #judge({ stopAfter }: OpenedRun, complete: boolean): void {
    const reason = stopAfter && tooManyErrors(stopAfter, this.#life.stats, complete);
    if (reason) throw ApplicationFailure.nonRetryable(reason, 'too_many_errors');
  }

  /** Removes the records that the source no longer has, once the guard or a person approves (R7). */
  async #remove(chunk: number): Promise<void> {
    const { run } = this.#input;
    const life = this.#life;
    life.phase = 'remove';
    const { needsApproval, ...removal } = await pausable(life.gate, () =>
      steps.planRemoval({ run, chunk }),
    );
    if (removal.remove === 0) return;
    if (needsApproval) await life.awaitApproval(removal);
    const removed = await untilDone(
      life.gate,
      () => steps.exportRemoval({ run, chunk }),
      (job) => life.waits('remove', job),
    );
    life.count(removed);
  }
}
