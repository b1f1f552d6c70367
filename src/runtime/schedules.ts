import { createHash } from 'node:crypto';
import {
  type Client,
  ScheduleNotFoundError,
  type ScheduleHandle,
  ScheduleOverlapPolicy,
  type ScheduleOptions,
} from '@temporalio/client';
import type { ScheduleState } from '../api/services.ts';
import { milliseconds } from '../model/duration.ts';
import type { ScheduleSpec } from '../model/sync.ts';
import {
  entityWorkflowId,
  syncWorkflowId,
  taskQueue,
  type ScheduledCycleInput,
  type ScheduledSyncInput,
} from '../model/workflow.ts';

/** The thing that a schedule starts: runs of a sync, or cycles of an entity. */
export interface Scheduled {
  readonly kind: 'sync' | 'entity';
  readonly id: string;
}

/** Keeps one Temporal Schedule per scheduled sync and entity. */
export class Schedules {
  readonly #client: Client;
  readonly #searchable: boolean;

  constructor(client: Client, searchable: boolean) {
    this.#client = client;
    this.#searchable = searchable;
  }

  /** Creates, changes or deletes the schedule as the sync or entity declares it. A pause by hand stays. */
  async apply(what: Scheduled, schedule: ScheduleSpec | undefined): Promise<void> {
    if (schedule === undefined) return this.remove(what);
    const options = this.#options(what, schedule);
    const handle = this.#handle(what);
    try {
      await handle.update(({ state }) => ({ ...options, policies: options.policies ?? {}, state }));
    } catch (error) {
      if (!(error instanceof ScheduleNotFoundError)) throw error;
      await this.#client.schedule.create(options);
    }
  }

  async remove(what: Scheduled): Promise<void> {
    try {
      await this.#handle(what).delete();
    } catch (error) {
      if (!(error instanceof ScheduleNotFoundError)) throw error;
    }
  }

  async state(what: Scheduled): Promise<Pick<ScheduleState, 'next' | 'paused'> | null> {
    try {
      const { info, state } = await this.#handle(what).describe();
      const next = info.nextActionTimes[0];
      return { paused: state.paused, ...(next !== undefined && !state.paused && { next }) };
    } catch (error) {
      if (error instanceof ScheduleNotFoundError) return null;
      throw error;
    }
  }

  #handle(what: Scheduled): ScheduleHandle {
    return this.#client.schedule.getHandle(scheduleId(what));
  }

  #options(what: Scheduled, schedule: ScheduleSpec): ScheduleOptions {
    return {
      scheduleId: scheduleId(what),
      spec: specOf(what.id, schedule),
      policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1m' },
      action: { type: 'startWorkflow', taskQueue, ...this.#action(what) },
    };
  }

  #action({ kind, id }: Scheduled) {
    const searchable = this.#searchable;
    if (kind === 'sync') {
      const input: ScheduledSyncInput = { sync: id, searchable };
      return { workflowType: 'scheduledSync', workflowId: `scheduled/${id}`, args: [input] };
    }
    const input: ScheduledCycleInput = { entity: id, searchable };
    const workflowId = `scheduled/${entityWorkflowId(id)}`;
    return { workflowType: 'scheduledCycle', workflowId, args: [input] };
  }
}

/** Returns a schedule's id: that of the workflow which its ticks lead to. */
function scheduleId({ kind, id }: Scheduled): string {
  return kind === 'sync' ? syncWorkflowId(id) : entityWorkflowId(id);
}

/**
 * Returns the times of a schedule. Intervals are offset by a hash of the name, so that syncs of one period do not all
 * start at once.
 */
function specOf(name: string, schedule: ScheduleSpec): ScheduleOptions['spec'] {
  if ('cron' in schedule)
    return { cronExpressions: [schedule.cron], timezone: schedule.timezone ?? 'UTC' };
  const every = milliseconds(schedule.every);
  const hash = createHash('sha256').update(name).digest().readUInt32BE(0);
  return { intervals: [{ every, offset: Math.floor((hash / 2 ** 32) * every) }] };
}
