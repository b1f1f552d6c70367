import { Client, Connection } from '@temporalio/client';
import proto from '@temporalio/proto';
import { syncWorkflowId } from '../../src/model/workflow.ts';
import type { Stack } from './stack.ts';

const { History, HistoryEvent } = proto.temporal.api.history.v1;

/** Calls `use` with a client of the stack's Temporal server. */
export async function withTemporal<T>(
  { temporal }: Pick<Stack, 'temporal'>,
  use: (client: Client) => Promise<T>,
): Promise<T> {
  const connection = await Connection.connect({ address: temporal });
  try {
    return await use(new Client({ connection }));
  } finally {
    await connection.close();
  }
}

/** Returns the number of events of the sync's last workflow. */
export function historyLength(stack: Stack, sync: string): Promise<number> {
  return withTemporal(stack, async (client) => {
    const { events } = await client.workflow.getHandle(syncWorkflowId(sync)).fetchHistory();
    return events?.length ?? 0;
  });
}

/** A history as Temporal sends it. */
export type History = proto.temporal.api.history.v1.IHistory;

/** Returns the executions of a sync's workflow: the number of events of each, and the size of its largest in bytes. */
export function historiesOf(
  stack: Pick<Stack, 'temporal'>,
  sync: string,
): Promise<{ events: number; largest: number }[]> {
  return withTemporal(stack, async ({ workflow }) => {
    const found: { events: number; largest: number }[] = [];
    const workflowId = syncWorkflowId(sync);
    for await (const { runId } of workflow.list({ query: `WorkflowId = '${workflowId}'` })) {
      const { events } = await workflow.getHandle(workflowId, runId).fetchHistory();
      const sizes = (events ?? []).map((event) => HistoryEvent.encode(event).finish().length);
      found.push({ events: sizes.length, largest: Math.max(0, ...sizes) });
    }
    return found;
  });
}

/** Returns the encoded history of a workflow's last execution; `name` is the workflow's id or its type. */
export function recordHistory(stack: Stack, name: string): Promise<Uint8Array> {
  return withTemporal(stack, async ({ workflow }) => {
    let workflowId = name;
    const query = `WorkflowType = '${name}' AND ExecutionStatus = 'Completed'`;
    for await (const found of workflow.list({ query })) ({ workflowId } = found);
    return History.encode(await workflow.getHandle(workflowId).fetchHistory()).finish();
  });
}

/** Returns the encoded histories of all executions of a workflow, the latest first. */
export function recordHistories(
  stack: Pick<Stack, 'temporal'>,
  workflowId: string,
): Promise<Uint8Array[]> {
  return withTemporal(stack, async ({ workflow }) => {
    const found: Uint8Array[] = [];
    for await (const { runId } of workflow.list({ query: `WorkflowId = '${workflowId}'` }))
      found.push(
        History.encode(await workflow.getHandle(workflowId, runId).fetchHistory()).finish(),
      );
    return found;
  });
}

/** Decodes a history of {@link recordHistory}. */
export function decodeHistory(encoded: Uint8Array): History {
  return History.decode(encoded);
}
