import { type WorkflowHandle, WorkflowNotFoundError } from '@temporalio/client';
import { messages, type RunState } from '../../model/workflow.ts';
import type { TemporalClient } from '../temporal.ts';

/** The time that an open run has to answer a query. Milliseconds. */
const queryMs = 1500;

/** Asks a run's workflow for its state; `gone` when it is over, undefined when it cannot be asked. */
export async function askRun(
  { client }: TemporalClient,
  handle: WorkflowHandle,
): Promise<RunState | 'gone' | undefined> {
  try {
    return await client.withDeadline(Date.now() + queryMs, async () => {
      const { status } = await handle.describe();
      return status.name === 'RUNNING' ? handle.query<RunState>(messages.state) : 'gone';
    });
  } catch (error) {
    return error instanceof WorkflowNotFoundError ? 'gone' : undefined;
  }
}
