import { createHash } from 'node:crypto';
import {
  type Client,
  ScheduleNotFoundError,
  ScheduleOverlapPolicy,
  type ScheduleOptions,
} from '@temporalio/client';
import type { ScheduleState } from '../api/services.ts';
import { milliseconds } from '../model/duration.ts';
import type { ScheduleSpec, SyncSpec } from '../model/sync.ts';
import { syncWorkflowId, taskQueue } from '../model/workflow.ts';

/** Keeps one Temporal Schedule per scheduled sync. */
export class Schedules {
  readonly #client: Client;
  readonly #searchable: boolean;

  constructor(client: Client, searchable: boolean) {
    this.#client = client;
    this.#searchable = searchable;
  }

  /** Makes the schedule what the sync says: created, changed or deleted. A pause by hand stays. */
  async apply(sync: string, { schedule }: SyncSpec): Promise<void> {
    if (schedule === undefined) return this.remove(sync);
    const options = this.#options(sync, schedule);
    const handle = this.#client.schedule.getHandle(options.scheduleId);
    try {
      await handle.update(({ state }) => ({ ...options, policies: options.policies ?? {}, state }));
    } catch (error) {
      if (!(error instanceof ScheduleNotFoundError)) throw error;
      await this.#client.schedule.create(options);
    }
  }

  async remove(sync: string): Promise<void> {
    try {
      await this.#client.schedule.getHandle(syncWorkflowId(sync)).delete();
    } catch (error) {
      if (!(error instanceof ScheduleNotFoundError)) throw error;
    }
  }

  async state(sync: string): Promise<Pick<ScheduleState, 'next' | 'paused'> | null> {
    try {
      const { info, state } = await this.#client.schedule
        .getHandle(syncWorkflowId(sync))
        .describe();
      const next = info.nextActionTimes[0];
      return { paused: state.paused, ...(next !== undefined && !state.paused && { next }) };
    } catch (error) {
      if (error instanceof ScheduleNotFoundError) return null;
      throw error;
    }
  }

  #options(sync: string, schedule: ScheduleSpec): ScheduleOptions {
    return {
      scheduleId: syncWorkflowId(sync),
      spec: specOf(sync, schedule),
      policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1m' },
      action: {
        type: 'startWorkflow',
        workflowType: 'scheduledSync',
        workflowId: `scheduled/${sync}`,
        taskQueue,
        args: [{ sync, searchable: this.#searchable }],
      },
    };
  }
}

/** Intervals are offset by a hash of the sync, so that syncs of one period do not all start at once. */
function specOf(sync: string, schedule: ScheduleSpec): ScheduleOptions['spec'] {
  if ('cron' in schedule)
    return { cronExpressions: [schedule.cron], timezone: schedule.timezone ?? 'UTC' };
  const every = milliseconds(schedule.every);
  const hash = createHash('sha256').update(sync).digest().readUInt32BE(0);
  return { intervals: [{ every, offset: Math.floor((hash / 2 ** 32) * every) }] };
}
