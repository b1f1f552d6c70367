import {
  getExternalWorkflowHandle,
  ParentClosePolicy,
  proxyActivities,
  sleep,
  startChild,
  uuid4,
} from '@temporalio/workflow';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type { RunActivities } from '../activities/activities.ts';
import { newRunId } from '../src/model/run-id.ts';
import {
  cycleSyncId,
  entityWorkflowId,
  searchAttributes,
  type ScheduledCycleInput,
} from '../src/model/workflow.ts';
import { entityCycle } from './entity-cycle.ts';
import { giveWaySignal } from './messages.ts';

const { noteSkippedTick } = proxyActivities<RunActivities>({ startToCloseTimeout: '1m' });

/** The number of times that an open cycle is asked to give way, and the milliseconds that it has to do so each time. */
const asks = 3;
const givenMs = 3000;

/**
 * Starts a cycle under the entity's own workflow id, or notes a skipped tick when one is open. A Schedule starts this.
 */
export async function scheduledCycle({ entity, searchable }: ScheduledCycleInput): Promise<void> {
  const run = newRunId(Date.now(), uuid4());
  for (let tries = 0; tries <= asks; tries++) {
    try {
      await startChild(entityCycle, {
        workflowId: entityWorkflowId(entity),
        args: [{ run, entity, searchable, drain: true }],
        parentClosePolicy: ParentClosePolicy.ABANDON,
        staticSummary: `entity ${entity} (scheduled)`,
        ...(searchable && {
          searchAttributes: {
            [searchAttributes.sync]: [cycleSyncId(entity)],
            [searchAttributes.run]: [run],
          },
        }),
      });
      return;
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    }
    const open = getExternalWorkflowHandle(entityWorkflowId(entity));
    // The cycle may have ended meanwhile.
    await open.signal(giveWaySignal).catch(() => undefined);
    await sleep(givenMs);
  }
  await noteSkippedTick({ sync: cycleSyncId(entity) });
}
