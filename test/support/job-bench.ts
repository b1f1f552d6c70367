import { setTimeout as sleep } from 'node:timers/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { JobKind } from './job-queue.ts';
import { startJobSystemProcess, type RemoteJobSystem } from './job-system-process.ts';
import type { Stack, StackOptions } from './stack.ts';

const root = dirname(fileURLToPath(new URL('./job-connector-module.ts', import.meta.url)));

/** Options of a stack that knows the connector of the job system. */
export function withJobConnector(options: StackOptions): StackOptions {
  return { ...options, env: { ...options.env, SLUICE_CONNECTOR_ROOT: root } };
}

/** Starts a job system, whose jobs run for `jobMs`, and declares the connection `bulk` to it. */
export async function connectJobSystem(stack: Stack, jobMs: number): Promise<RemoteJobSystem> {
  const system = await startJobSystemProcess(jobMs);
  await stack.client.connections.put('bulk', {
    type: './job-connector-module.ts',
    url: system.url,
    token: system.token,
  });
  return system;
}

/** Waits until one more job of a kind has been started than `before`. */
export async function jobStarted(
  system: RemoteJobSystem,
  kind: JobKind,
  before: number,
): Promise<void> {
  const deadline = Date.now() + 60_000;
  while ((await system.stats()).jobs[kind] <= before) {
    if (Date.now() > deadline) throw new Error('no job was started in time');
    await sleep(50);
  }
}
