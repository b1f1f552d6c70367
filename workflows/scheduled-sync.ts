import { ParentClosePolicy, proxyActivities, startChild, uuid4 } from '@temporalio/workflow';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type { RunActivities } from '../activities/activities.ts';
import { newRunId } from '../src/model/run-id.ts';
import {
  searchAttributes,
  syncWorkflowId,
  type ScheduledSyncInput,
} from '../src/model/workflow.ts';
import { syncRun } from './sync-run.ts';

const { noteSkippedTick } = proxyActivities<RunActivities>({ startToCloseTimeout: '1m' });

/** Starts a run under the sync's own workflow id, or notes a skipped tick when one is open. A Schedule starts this. */
export async function scheduledSync({ sync, searchable }: ScheduledSyncInput): Promise<void> {
  const run = newRunId(Date.now(), uuid4());
  try {
    await startChild(syncRun, {
      workflowId: syncWorkflowId(sync),
      args: [{ run, sync, searchable }],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      staticSummary: `sync ${sync} (scheduled)`,
      ...(searchable && {
        searchAttributes: { [searchAttributes.sync]: [sync], [searchAttributes.run]: [run] },
      }),
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    await noteSkippedTick({ sync });
  }
}
