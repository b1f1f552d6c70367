import { type WorkflowHandle, WorkflowNotFoundError } from '@temporalio/client';
import { messages, type RunState } from '../../model/workflow.ts';
import type { TemporalClient } from '../temporal.ts';

/** How long an open run is given to tell its state itself. Milliseconds. */
const queryMs = 1500;

/** What the workflow of a run says of itself; `gone` when it is over, undefined where it cannot be asked. */
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
