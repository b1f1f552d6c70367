import type { Project } from '../project/project.ts';
import { Closing } from './closing.ts';
import { openStack } from './stack.ts';
import { openState } from './state.ts';
import { runWorker, type RunningWorker } from './worker.ts';

/** An embedded Sluice server that lasts for one command. */
interface CommandServer {
  readonly url: string;
  readonly token?: string;
  /** Rejects when a part of it has ended for good; never settles otherwise. */
  readonly givenUp: Promise<never>;
  stop(): Promise<void>;
}

/** Starts an embedded server with a worker in this process, for one command. Its state stays in the data directory. */
export async function startCommandServer(options: {
  project: Project;
  dataDir: string;
}): Promise<CommandServer> {
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
    const worker = await runWorker(stack.backends.temporal, state, stack.connectors);
    closing.add(() => worker.stop());
    const token = stack.settings.apiToken;
    const givenUp = Promise.race([stack.backends.givenUp, failureOf(worker)]);
    givenUp.catch(() => undefined);
    return {
      url: stack.url,
      givenUp,
      ...(token !== undefined && { token }),
      stop: () => closing.close(),
    };
  } catch (error) {
    await closing.close();
    throw error;
  }
}

/** Rejects when the worker failed; never settles otherwise. */
async function failureOf({ closed }: RunningWorker): Promise<never> {
  await closed;
  return new Promise<never>(() => {});
}
