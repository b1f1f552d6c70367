import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { WorkflowHandle } from '@temporalio/client';
import type { SignalDefinition } from '@temporalio/common';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker } from '@temporalio/worker';

/** A Temporal dev server with a worker that has the scripted workflows. */
export interface ScriptedEnvironment {
  /** Starts a workflow; `signal` is there before its first step. */
  start<Input, Result>(
    workflow: (input: Input) => Promise<Result>,
    input: Input,
    signal?: SignalDefinition,
  ): Promise<WorkflowHandle<(input: Input) => Promise<Result>>>;
  stop(): Promise<void>;
}

/** Starts a server and a worker, whose activities are the given ones. */
export async function scriptedEnvironment(
  activities: Record<string, (input: never) => Promise<unknown>> = {},
): Promise<ScriptedEnvironment> {
  Runtime.install({ logger: new DefaultLogger('WARN') });
  const path = process.env['SLUICE_TEMPORAL_CLI'] ?? '';
  const environment = await TestWorkflowEnvironment.createLocal({
    server: { executable: { type: 'existing-path', path } },
  });
  const workflowsPath = fileURLToPath(new URL('scripted.ts', import.meta.url));
  const taskQueue = 'scripted';
  const worker = await Worker.create({
    connection: environment.nativeConnection,
    taskQueue,
    activities: { ...activities, nextActivation: async () => undefined },
    workflowBundle: await bundleWorkflowCode({ workflowsPath, logger: quiet }),
  });
  const running = worker.run();
  return {
    start(workflow, input, signal) {
      const options = { taskQueue, workflowId: randomUUID(), args: [input] as [typeof input] };
      const { workflow: client } = environment.client;
      return signal === undefined
        ? client.start(workflow, options)
        : client.signalWithStart(workflow, { ...options, signal });
    },
    async stop() {
      worker.shutdown();
      await running;
      await environment.teardown();
    },
  };
}

const ignore = (): undefined => undefined;
const quiet = {
  log: ignore,
  trace: ignore,
  debug: ignore,
  info: ignore,
  warn: console.warn,
  error: console.error,
};
