import type { Project } from '../project/project.ts';
import { Closing } from './closing.ts';
import { openStack } from './stack.ts';
import { openState } from './state.ts';
import { runWorker } from './worker.ts';

/** An embedded server with a worker in this process, for one command. What it knows stays in the data directory. */
export async function startOccasion(options: {
  project: Project;
  dataDir: string;
}): Promise<{ url: string; token?: string; stop(): Promise<void> }> {
  const closing = new Closing();
  try {
    const stack = await openStack(closing, {
      ...options,
      port: 0,
      temporalPort: 0,
      headless: true,
    });
    const state = await openState(stack.backends.databaseUrl, stack.keys);
    closing.add(() => state.close());
    const worker = await runWorker(stack.backends.temporal, state);
    closing.add(() => worker.stop());
    const token = stack.settings.apiToken;
    return { url: stack.url, ...(token !== undefined && { token }), stop: () => closing.close() };
  } catch (error) {
    await closing.close();
    throw error;
  }
}
