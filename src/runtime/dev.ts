import { fileURLToPath } from 'node:url';
import type { Project } from '../project/project.ts';
import { superviseWorker, type Supervisor } from './embedded/supervisor.ts';
import { logger } from './log.ts';
import { Closing } from './closing.ts';
import { formatEncryptionKeys } from './encryption-key.ts';
import { childEnvironment } from './settings.ts';
import { openStack, type Stack } from './stack.ts';

/** Options of `sluice dev`. */
export interface DevOptions {
  readonly project?: Project;
  readonly dataDir: string;
  readonly port: number;
  readonly temporalPort: number;
  readonly workers: number;
}

/** A running `sluice dev`. */
interface Dev {
  readonly url: string;
  readonly uiUrl?: string;
  /** Rejects when an embedded server has ended too often; never settles otherwise. */
  readonly givenUp: Promise<never>;
  workerPids(): number[];
  stop(): Promise<void>;
}

/** Starts everything in one: embedded servers, the API, and worker processes that are kept running. */
export async function startDev(options: DevOptions): Promise<Dev> {
  const closing = new Closing();
  try {
    const stack = await openStack(closing, { ...options, headless: false });
    const { url, backends } = stack;
    const workers = startWorkers(options, stack);
    closing.add(() => workers.stop());
    return {
      url,
      ...(backends.uiUrl !== undefined && { uiUrl: backends.uiUrl }),
      givenUp: backends.givenUp,
      workerPids: () => workers.pids(),
      stop: () => closing.close(),
    };
  } catch (error) {
    await closing.close();
    throw error;
  }
}

function startWorkers(
  { workers, dataDir }: DevOptions,
  { backends, keys, connectors }: Stack,
): Supervisor {
  const here = fileURLToPath(import.meta.url);
  const main = here.replace(
    /runtime([\\/])dev\.(ts|js)$/,
    (_, slash: string, extension: string) => `cli${slash}main.${extension}`,
  );
  return superviseWorker({
    command: process.execPath,
    args: [...process.execArgv, main, 'worker', '--data-dir', dataDir],
    count: workers,
    env: childEnvironment({
      SLUICE_DATABASE_URL: backends.databaseUrl,
      SLUICE_ENCRYPTION_KEY: formatEncryptionKeys(keys),
      TEMPORAL_ADDRESS: backends.temporal.address,
      TEMPORAL_NAMESPACE: backends.temporal.namespace,
      ...(connectors.root !== undefined && { SLUICE_CONNECTOR_ROOT: connectors.root }),
    }),
    log: (line) => logger.info(line),
  });
}
