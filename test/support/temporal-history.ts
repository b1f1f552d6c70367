import { Client, Connection } from '@temporalio/client';
import { syncWorkflowId } from '../../src/model/workflow.ts';
import type { Stack } from './stack.ts';

/** A workflow's history, as JSON in Temporal's own form. */
export type HistoryJson = Record<string, unknown>;

/** Uses a client of the stack's Temporal. */
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

/** How many events the sync's last workflow has. */
export function historyLength(stack: Stack, sync: string): Promise<number> {
  return withTemporal(stack, async (client) => {
    const { events } = await client.workflow.getHandle(syncWorkflowId(sync)).fetchHistory();
    return events?.length ?? 0;
  });
}
