import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  DefaultLogger,
  NativeConnection,
  Runtime,
  Worker,
  type WorkerOptions,
} from '@temporalio/worker';
import { createActivities } from '../../activities/index.ts';
import type { Connectors } from '../connectors/registry.ts';
import { taskQueue } from '../model/workflow.ts';
import { logger } from './log.ts';
import type { State } from './state.ts';
import { connectionOptions, type TemporalAddress } from './temporal.ts';

/** A running worker. */
export interface RunningWorker {
  /** Finishes the running activities, then stops. */
  stop(): Promise<void>;
  /** Settles when the worker has ended; rejects when it failed. */
  readonly closed: Promise<void>;
}

let installed = false;

/** Starts a worker in this process. */
export async function runWorker(
  temporal: TemporalAddress,
  { store }: State,
  connectors: Connectors,
): Promise<RunningWorker> {
  installRuntime();
  const connection = await NativeConnection.connect(connectionOptions(temporal));
  const worker = await Worker.create({
    connection,
    namespace: temporal.namespace,
    taskQueue,
    activities: createActivities({ store, connectors }),
    // Quick work ends in time; the rest is told to stop, and handed back to the other workers.
    shutdownGraceTime: '2s',
    maxConcurrentActivityTaskExecutions: 20,
    // Activities send heartbeats only when it is worth it, and these must reach the server soon.
    maxHeartbeatThrottleInterval: '400ms',
    // The time that a run waits for the worker that has it in memory, should that be gone, before another takes it.
    stickyQueueScheduleToStartTimeout: '3s',
    ...workflowCode(),
  });
  const closed = runThenClose(worker, connection);
  return {
    closed,
    async stop() {
      if (worker.getState() === 'RUNNING') worker.shutdown();
      await closed;
    },
  };
}

async function runThenClose(worker: Worker, connection: NativeConnection): Promise<void> {
  try {
    await worker.run();
  } finally {
    await connection.close();
  }
}

/** Returns the bundle that the build made, so that a worker starts at once; in development the sources. */
function workflowCode(): Pick<WorkerOptions, 'workflowBundle' | 'workflowsPath'> {
  const bundle = fileURLToPath(new URL('../../workflows.bundle.js', import.meta.url));
  if (existsSync(bundle)) return { workflowBundle: { codePath: bundle } };
  return { workflowsPath: fileURLToPath(new URL('../../workflows/index.ts', import.meta.url)) };
}

/** Sends Temporal's own log to Sluice's. Signals are handled by the command line. */
function installRuntime(): void {
  if (installed) return;
  installed = true;
  Runtime.install({
    shutdownSignals: [],
    logger: new DefaultLogger('WARN', ({ level, message, meta }) => {
      const { error } = meta ?? {};
      logger.warn(
        { temporal: level, ...(error instanceof Error && { error: error.name }) },
        message,
      );
    }),
  });
}
