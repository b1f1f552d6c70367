import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/client';
import type { entityCycle } from '../../../workflows/entity-cycle.ts';
import { notFound, cycleIsOpen } from '../../api/http/problem.ts';
import type { CycleOptions } from '../../api/services.ts';
import { isOver, type Run } from '../../model/run.ts';
import { newRunId } from '../../model/run-id.ts';
import {
  cycleSyncId,
  entityWorkflowId,
  messages,
  searchAttributes,
  taskQueue,
  type EntityCycleInput,
} from '../../model/workflow.ts';
import type { Store } from '../../store/store.ts';
import { temporalOutage } from '../outage.ts';
import type { TemporalClient } from '../temporal.ts';
import { askRun } from './ask-run.ts';

/** The time that an open cycle has to give way, and the workflow of a finished one to close. Milliseconds. */
const closingMs = 8_000;

/**
 * Starts a cycle. An open one that only waits for its destinations is asked to give way.
 * @throws ApiProblem 409 when another cycle is open and stays open
 */
export async function startCycle(
  store: Store,
  temporal: TemporalClient,
  entity: string,
  { full = false, drain = false }: CycleOptions,
): Promise<Run> {
  const id = newRunId(Date.now(), randomUUID());
  await store.runPlans.createCycle({ id, entity, options: full ? { full } : {} });
  const input: EntityCycleInput = { run: id, entity, searchable: temporal.searchable, drain };
  try {
    await startWhenFree(store, temporal, input);
  } catch (error) {
    // Without an answer the workflow may have started nevertheless, and it needs the run's options.
    if (temporalOutage(error) === undefined) await store.runPlans.discard(id);
    throw error;
  }
  const run = await store.runs.get(id);
  if (run === null) throw notFound('run', id);
  return run;
}

async function startWhenFree(
  store: Store,
  temporal: TemporalClient,
  input: EntityCycleInput,
): Promise<void> {
  const deadline = Date.now() + closingMs;
  for (;;) {
    try {
      await request(temporal, input);
      return;
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    }
    const open = await askOpenCycle(store, temporal, input);
    if (open !== null && (!open.givesWay || Date.now() > deadline))
      throw cycleIsOpen(input.entity, open.run);
    if (Date.now() > deadline) throw cycleIsOpen(input.entity, null);
    await sleep(100);
  }
}

async function request({ client, searchable }: TemporalClient, input: EntityCycleInput) {
  const { run, entity } = input;
  await client.workflow.start<typeof entityCycle>('entityCycle', {
    workflowId: entityWorkflowId(entity),
    taskQueue,
    args: [input],
    workflowIdConflictPolicy: 'FAIL',
    staticSummary: `cycle of ${entity}`,
    ...(searchable && {
      searchAttributes: {
        [searchAttributes.sync]: [cycleSyncId(entity)],
        [searchAttributes.run]: [run],
      },
    }),
  });
}

/**
 * Returns the entity's open cycle, after asking it to give way if it may; null when it is over and only has to close.
 */
async function askOpenCycle(
  store: Store,
  temporal: TemporalClient,
  { run: asking, entity }: EntityCycleInput,
): Promise<{ run: string; givesWay: boolean } | null> {
  const handle = temporal.client.workflow.getHandle(entityWorkflowId(entity));
  const state = await askRun(temporal, handle);
  if (state === 'gone') return null;
  const id = state?.run ?? (await store.runs.openRunOf(cycleSyncId(entity), asking));
  const run = id === null ? null : await store.runs.get(id);
  if (id === null || (run !== null && isOver(run.status))) return null;
  // A cycle that cannot be asked gets the signal as well: it knows itself whether it may give way.
  const isRunning = state === undefined || state.status === 'running';
  const phase = state?.phase ?? 'deliver';
  if (isRunning && phase === 'deliver') {
    await handle.signal(messages.giveWay).catch((error: unknown) => {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
    });
  }
  // A cycle that closes has given way, perhaps just now.
  return { run: id, givesWay: isRunning && (phase === 'deliver' || phase === 'close') };
}
