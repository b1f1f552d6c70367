import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findTemporalCli } from '../../src/runtime/embedded/temporal-cli.ts';
import { freePort } from '../../src/runtime/embedded/port.ts';
import { readSettings } from '../../src/runtime/settings.ts';
import type { Stack } from '../../test/support/stack.ts';
import { withTemporal, type History } from '../../test/support/temporal-history.ts';
import { newFolder } from './folder.ts';

/** The cost of workflows on Temporal. */
export interface Cost {
  readonly executions: number;
  /** The number of events in the histories. */
  readonly events: number;
  readonly bytes: number;
  /** Billable actions by kind, as https://docs.temporal.io/cloud/actions counts them. */
  readonly actions: Readonly<Record<string, number>>;
}

type Event = NonNullable<History['events']>[number];

/** The cost of every execution of a workflow id, those that it continued as included. */
export function costOf(stack: Stack, workflowId: string): Promise<Cost> {
  return withTemporal(stack, async ({ workflow }) => {
    const cost = { executions: 0, events: 0, bytes: 0, actions: {} as Record<string, number> };
    const query = `WorkflowId = '${workflowId}' OR WorkflowId STARTS_WITH '${workflowId}-'`;
    for await (const { runId, workflowId: id } of workflow.list({ query })) {
      const handle = workflow.getHandle(id, runId);
      const { historySize, historyLength } = await handle.describe();
      cost.executions += 1;
      cost.events += historyLength;
      cost.bytes += historySize ?? 0;
      const { events } = await handle.fetchHistory();
      for (const [kind, count] of (events ?? []).map(actionsOf))
        if (count > 0) cost.actions[kind] = (cost.actions[kind] ?? 0) + count;
    }
    return cost;
  });
}

/** Returns the kind of action that an event is billed as, and how many. A child's start is billed to its parent. */
function actionsOf(event: Event): readonly [kind: string, count: number] {
  const started = event.workflowExecutionStartedEventAttributes;
  if (started?.continuedExecutionRunId) return ['continue-as-new', 1];
  if (started) return ['workflow', started.parentWorkflowExecution ? 0 : 1];
  if (event.startChildWorkflowExecutionInitiatedEventAttributes) return ['child workflow', 2];
  // The attempt counts the retries, which leave no other trace.
  const activity = event.activityTaskStartedEventAttributes;
  if (activity) return ['activity', activity.attempt ?? 1];
  if (event.timerStartedEventAttributes) return ['timer', 1];
  if (event.upsertWorkflowSearchAttributesEventAttributes) return ['search attributes', 1];
  if (event.workflowExecutionSignaledEventAttributes) return ['signal', 1];
  if (event.markerRecordedEventAttributes) return ['marker', 1];
  return ['', 0];
}

/** The Temporal server's own count of calls that are billed but leave no event. */
export interface Calls {
  /** Environment of a stack whose server counts. */
  readonly env: Readonly<Record<string, string>>;
  /** Heartbeats and queries since the server started. */
  count(): Promise<{ heartbeats: number; queries: number }>;
}

/** Makes the embedded Temporal server tell its metrics. */
export async function countedCalls(): Promise<Calls> {
  const { searchPath, cacheDir, temporalCli } = readSettings();
  const dir = newFolder();
  const cli = await findTemporalCli({
    searchPath,
    cacheDir,
    dataDir: dir,
    log: () => undefined,
    ...(temporalCli !== undefined && { explicit: temporalCli }),
  });
  const port = await freePort();
  const wrapper = join(dir, 'temporal');
  writeFileSync(
    wrapper,
    `#!/bin/sh\n[ "$1" = server ] && set -- "$@" --metrics-port ${port}\nexec "${cli}" "$@"\n`,
  );
  chmodSync(wrapper, 0o755);
  return {
    env: { SLUICE_TEMPORAL_CLI: wrapper },
    count: async () => {
      const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      const requests = (operation: string) =>
        text
          .split('\n')
          .filter(
            (line) =>
              line.startsWith('service_requests{') &&
              line.includes(`operation="${operation}"`) &&
              line.includes('service_name="frontend"'),
          )
          .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
      return {
        heartbeats: requests('RecordActivityTaskHeartbeat'),
        queries: requests('QueryWorkflow'),
      };
    },
  };
}
