import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type WorkflowHandle,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
} from '@temporalio/client';
import type { syncRun } from '../../../workflows/sync-run.ts';
import { ApiProblem, conflict, notFound, runIsOpen, runIsOver } from '../../api/http/problem.ts';
import type { Page, RunFilter, RunService } from '../../api/services.ts';
import type { RecordError } from '../../model/outcome.ts';
import type { Preview } from '../../model/preview.ts';
import { isOver, type Run, type RunOptions } from '../../model/run.ts';
import { newRunId } from '../../model/run-id.ts';
import type { SyncSpec } from '../../model/sync.ts';
import {
  entityWorkflowId,
  messages,
  searchAttributes,
  syncWorkflowId,
  taskQueue,
  type RunState,
  type SyncRunInput,
} from '../../model/workflow.ts';
import type { RunStart } from '../../model/run.ts';
import type { Store } from '../../store/store.ts';
import { temporalOutage } from '../outage.ts';
import type { TemporalClient } from '../temporal.ts';
import { askRun } from './ask-run.ts';
import { continueProblem } from './continue-problem.ts';

/** The time that the workflow of a finished run has to close. Milliseconds. */
const closingMs = 8_000;

/** Starts and steers runs and returns their state. Temporal holds the open ones, the state store holds all. */
export class SteeredRuns implements RunService {
  readonly #store: Store;
  readonly #temporal: TemporalClient;

  constructor(store: Store, temporal: TemporalClient) {
    this.#store = store;
    this.#temporal = temporal;
  }

  async start(sync: string, options: RunOptions): Promise<Run> {
    const spec = await this.#store.catalog.sync(sync);
    if (spec === null) throw notFound('sync', sync);
    const start = await this.#startPosition(sync, spec, options);
    const id = newRunId(Date.now(), randomUUID());
    await this.#store.runPlans.create({ id, sync, spec, options, start });
    try {
      await this.#startWorkflow(id, sync, spec);
    } catch (error) {
      // Without an answer the workflow may have started nevertheless, and it needs the run's options.
      if (temporalOutage(error) === undefined) await this.#store.runPlans.discard(id);
      throw error;
    }
    return this.#known(id);
  }

  async get(id: string): Promise<Run | null> {
    const run = await this.#store.runs.get(id);
    return run === null || isOver(run.status) ? run : this.#withLiveState(run);
  }

  getStored(id: string): Promise<Run | null> {
    return this.#store.runs.get(id);
  }

  preview(id: string): Promise<Preview | null> {
    return this.#store.previews.get(id);
  }

  async list(filter: RunFilter): Promise<{ runs: Run[]; next: string | null }> {
    const found = await this.#store.runs.list({ ...filter, limit: filter.limit + 1 });
    const runs = found.slice(0, filter.limit);
    return { runs, next: found.length > filter.limit ? (runs.at(-1)?.id ?? null) : null };
  }

  async children(runs: readonly Run[]): Promise<Run[]> {
    return this.#store.runs.some(runs.flatMap(({ cycle }) => cycle?.children ?? []));
  }

  async errors(id: string, page: Page): Promise<{ errors: RecordError[]; next: string | null }> {
    await this.#known(id);
    return this.#store.errors.list(id, page);
  }

  pause(id: string): Promise<Run> {
    return this.#steer(id, (handle) => handle.signal(messages.pause));
  }

  resume(id: string): Promise<Run> {
    return this.#steer(id, (handle) => handle.signal(messages.resume));
  }

  approve(id: string): Promise<Run> {
    return this.#steer(id, (handle) => handle.signal(messages.approve));
  }

  cancel(id: string): Promise<Run> {
    return this.#steer(id, async (handle) => {
      await handle.cancel();
      // This makes activities notice the cancellation sooner. It holds without that: their next heartbeat tells them.
      await this.#store.runProgress.steer(id).catch(() => undefined);
    });
  }

  async retryErrors(id: string): Promise<Run> {
    const run = await this.#known(id);
    if (run.sync === null) throw cycleRetry(run);
    if (!isOver(run.status)) {
      throw new ApiProblem(409, 'run_open', 'Run is open', `Run ${id} is not over yet.`, {
        openRun: id,
      });
    }
    if (run.stats.errors === 0) {
      throw new ApiProblem(
        409,
        'nothing_to_retry',
        'Nothing to retry',
        `Run ${id} has no record errors.`,
      );
    }
    return this.start(run.sync, { retryOf: id });
  }

  /**
   * Returns the place where the run begins to read; null for the beginning.
   * @throws ApiProblem 404 or 409 when the run to continue cannot be continued
   */
  async #startPosition(
    sync: string,
    spec: SyncSpec,
    { continueOf: id }: RunOptions,
  ): Promise<RunStart | null> {
    if (id === undefined) return null;
    // This call also finds out whether the run's workflow was terminated, so that it counts as over.
    await this.get(id);
    const before = await this.#store.runPlans.continuable(id);
    if (before === null || before.sync !== sync) throw notFound(`run of sync "${sync}"`, id);
    const reason = continueProblem(id, before, spec);
    if (reason !== null) throw reason;
    const stopped = await this.#store.chunks.stoppedAt(id);
    return stopped ?? (await this.#store.runPlans.get(id))?.start ?? null;
  }

  /** @throws ApiProblem 409 when a run of the sync is open */
  async #startWorkflow(run: string, sync: string, spec: SyncSpec): Promise<void> {
    const deadline = Date.now() + closingMs;
    for (;;) {
      try {
        await this.#request(run, sync, spec);
        return;
      } catch (error) {
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      }
      const open = await this.#openRun(sync, run);
      if (open !== null || Date.now() > deadline) throw runIsOpen(sync, open);
      await sleep(50);
    }
  }

  async #request(run: string, sync: string, spec: SyncSpec): Promise<void> {
    const { client, searchable } = this.#temporal;
    const input: SyncRunInput = { run, sync, searchable };
    await client.workflow.start<typeof syncRun>('syncRun', {
      workflowId: syncWorkflowId(sync),
      taskQueue,
      args: [input],
      workflowIdConflictPolicy: 'FAIL',
      staticSummary: `${spec.source.connection} → ${spec.destination.connection} (${spec.mode})`,
      ...(searchable && {
        searchAttributes: { [searchAttributes.sync]: [sync], [searchAttributes.run]: [run] },
      }),
    });
  }

  /** Returns the sync's open run; null when the run is over and only its workflow has yet to close. */
  async #openRun(sync: string, asking: string): Promise<string | null> {
    const state = await this.#ask(this.#handle({ sync }));
    if (typeof state === 'object') {
      const run = await this.#store.runs.get(state.run);
      return run !== null && isOver(run.status) ? null : state.run;
    }
    return this.#store.runs.openRunOf(sync, asking);
  }

  /** Returns the run with the state that its workflow reports; unchanged when the workflow cannot be asked. */
  async #withLiveState(run: Run): Promise<Run> {
    const state = await this.#ask(this.#handle(run));
    if (state === 'gone') return this.#markIfTerminated(run);
    if (state === undefined || state.run !== run.id) return run;
    // It ended after the store was read, and only the store knows how.
    if (isOver(state.status)) return (await this.#store.runs.get(run.id)) ?? run;
    return { ...run, status: state.status, phase: state.phase };
  }

  /** Marks as failed a run whose workflow is over without the store knowing it: somebody terminated the workflow. */
  async #markIfTerminated(run: Run): Promise<Run> {
    // It may have ended properly between the two reads; a run just created may not have started yet.
    const again = await this.#store.runs.get(run.id);
    if (again === null || isOver(again.status) || Date.now() - run.startedAt.getTime() < 10_000)
      return again ?? run;
    const failure = { code: 'terminated', message: 'the workflow was ended from outside' };
    await this.#store.runProgress.finish(run.id, {
      status: 'failed',
      outcome: null,
      failure,
      watermark: null,
    });
    return this.#known(run.id);
  }

  #ask(handle: WorkflowHandle): Promise<RunState | 'gone' | undefined> {
    return askRun(this.#temporal, handle);
  }

  /** Signals the run without asking for its state first: the query would take its time when no worker can answer. */
  async #steer(id: string, act: (handle: WorkflowHandle) => Promise<unknown>): Promise<Run> {
    const run = await this.#known(id);
    if (isOver(run.status)) throw runIsOver(run);
    try {
      await act(this.#handle(run));
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) throw runIsOver((await this.get(id)) ?? run);
      throw error;
    }
    return (await this.get(id)) ?? run;
  }

  async #known(id: string): Promise<Run> {
    const run = await this.#store.runs.get(id);
    if (run === null) throw notFound('run', id);
    return run;
  }

  #handle({ sync, cycle }: Pick<Run, 'sync'> & Partial<Pick<Run, 'cycle'>>): WorkflowHandle {
    const id = cycle ? entityWorkflowId(cycle.entity) : syncWorkflowId(sync ?? '');
    return this.#temporal.client.workflow.getHandle(id);
  }
}

/**
 * Returns the 409 for retrying a cycle. Its record errors are those of its sources, which no run can read one by one.
 */
function cycleRetry({ id }: Run): ApiProblem {
  const detail =
    `Run "${id}" is a cycle: its record errors are tried again when their source records change, or by a cycle with ` +
    '{"full": true}. The errors of a destination are retried with that destination\'s own run.';
  return conflict('cycle_not_retried', detail);
}
