import {
  condition,
  continueAsNew,
  ParentClosePolicy,
  proxyActivities,
  setHandler,
  startChild,
  uuid4,
  type ChildWorkflowHandle,
} from '@temporalio/workflow';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type { CycleActivities, Missing, OpenedCycle } from '../activities/activities.ts';
import { noStats } from '../src/model/outcome.ts';
import { newRunId } from '../src/model/run-id.ts';
import {
  searchAttributes,
  syncWorkflowId,
  type EntityCycleInput,
  type RunResult,
} from '../src/model/workflow.ts';
import { giveWaySignal, pauseSignal, resumeSignal } from './messages.ts';
import { pausable } from './pausable.ts';
import { RunLife, workOptions, type End } from './run-life.ts';
import { syncRun } from './sync-run.ts';

const steps = proxyActivities<CycleActivities>(workOptions);

/**
 * Runs one cycle of an entity (DESIGN section 4). It only puts steps in order: activities do the work.
 *
 * ```
 *   open ─▶ read each source, then its deletes ─▶ merge ─▶ deliver: a syncRun per destination ─▶ close
 *                                                             │ ends when all are over, or when the
 *                                                             └ next cycle asks this one to give way
 * ```
 */
export async function entityCycle(input: EntityCycleInput): Promise<RunResult> {
  return new EntityCycle(input).execute();
}

class EntityCycle {
  readonly #input: EntityCycleInput;
  readonly #life: RunLife;
  #children: ChildWorkflowHandle<typeof syncRun>[] = [];
  /** The syncs of destinations that wait, because they are the same system as a source which is down. */
  readonly #heldBack = new Set<string>();
  /** True when the next cycle is asked for while this one only waits for its destinations. */
  #givesWay = false;
  /** True when the sources hold more than the cycle reads. */
  #more = false;
  /** True when part of what is left can be read right away. */
  #moreNow = false;

  constructor(input: EntityCycleInput) {
    const { run, searchable } = input;
    this.#input = input;
    this.#life = new RunLife({ run, searchable, status: 'pending', phase: 'open', stats: noStats });
    this.#life.onPauseOrResume = (event) => this.#steerChildren(event);
    setHandler(giveWaySignal, () => {
      this.#givesWay ||= this.#life.phase === 'deliver';
    });
  }

  async execute(): Promise<RunResult> {
    const { run, entity } = this.#input;
    const life = this.#life;
    const close = (end: End) => steps.closeCycle({ run, entity, end, more: this.#more });
    try {
      life.start();
      const opened = await pausable(life.gate, () => steps.openCycle({ run, entity }));
      await this.#read(opened);
      life.phase = 'merge';
      if (opened.merges) await pausable(life.gate, () => steps.mergeDuplicates({ run, entity }));
      life.phase = 'deliver';
      await this.#deliver(opened);
      life.phase = 'close';
      const end = { status: 'completed', failure: null } as const;
      const result = life.end(await pausable(life.gate, () => close(end)));
      // A cycle that gave way is followed by the one that asked for it.
      if (this.#moreNow && this.#input.drain && !this.#givesWay) await this.#next();
      return result;
    } catch (error) {
      // Continue-as-new is an exception of Temporal's, which must pass.
      if (error instanceof Error && error.name === 'ContinueAsNew') throw error;
      return life.stop(error, close);
    }
  }

  /** Reads and unifies the sources' changes, then their deletes. */
  async #read({ readings, scans }: OpenedCycle): Promise<void> {
    const { run, entity } = this.#input;
    const life = this.#life;
    life.phase = 'read';
    for (const { source, reading } of readings) {
      const {
        more,
        waits = false,
        missing,
      } = await pausable(life.gate, () =>
        steps.unifySource.executeWithOptions({ summary: source }, [
          { run, entity, source, reading },
        ]),
      );
      this.#holdBack(missing);
      this.#more ||= more;
      this.#moreNow ||= more && !waits;
    }
    for (const source of scans) {
      const { needsApproval, missing, ...removal } = await pausable(life.gate, () =>
        steps.scanSource({ run, entity, source }),
      );
      this.#holdBack(missing);
      if (removal.remove === 0) continue;
      if (needsApproval) await life.awaitApproval(removal);
      await pausable(life.gate, () => steps.detachMissing({ run, entity, source }));
    }
  }

  /** Holds back the destination that is the same system as a source which is down. */
  #holdBack(missing: Missing['missing']): void {
    if (missing?.destination !== undefined) this.#heldBack.add(missing.destination);
  }

  /**
   * Starts a run for every destination. Waits until all are over, or until the next cycle is asked for. A slow
   * destination holds back no other: its run goes on by itself.
   */
  async #deliver({ destinations }: OpenedCycle): Promise<void> {
    await condition(() => !this.#life.gate.closed());
    const due = destinations.filter((sync) => !this.#heldBack.has(sync));
    const started = await Promise.all(due.map((sync) => this.#start(sync)));
    this.#children = started.filter((child) => child !== null);
    // A pause that came while they started could not reach them.
    if (this.#life.gate.closed()) this.#steerChildren('pause');
    let open = this.#children.length;
    // Cancelling the cycle cancels the runs that it waits for.
    const over = (): void => void (open -= 1);
    for (const child of this.#children) void child.result().then(over, over);
    await condition(() => open === 0 || this.#givesWay);
    this.#children = [];
  }

  /** Starts the run of a destination; null when one is still open, which the next cycle catches up on. */
  async #start(sync: string): Promise<ChildWorkflowHandle<typeof syncRun> | null> {
    const { run: parent, searchable } = this.#input;
    const run = newRunId(Date.now(), uuid4());
    try {
      return await startChild(syncRun, {
        workflowId: syncWorkflowId(sync),
        args: [{ run, sync, searchable, parent }],
        parentClosePolicy: ParentClosePolicy.ABANDON,
        staticSummary: `destination ${sync}`,
        ...(searchable && {
          searchAttributes: { [searchAttributes.sync]: [sync], [searchAttributes.run]: [run] },
        }),
      });
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) return null;
      throw error;
    }
  }

  #steerChildren(event: 'pause' | 'resume'): void {
    // A run that has just ended takes no signal.
    for (const child of this.#children)
      void child.signal(event === 'pause' ? pauseSignal : resumeSignal).catch(() => undefined);
  }

  /** Continues with the next cycle, a run of its own, because the sources hold more than one cycle reads. */
  async #next(): Promise<never> {
    const run = newRunId(Date.now(), uuid4());
    return continueAsNew<typeof entityCycle>({ ...this.#input, run });
  }
}
