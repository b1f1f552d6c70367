import { fileURLToPath } from 'node:url';
import type { Project } from '../project/project.ts';
import { applyProject } from './apply.ts';
import { startBackends, type Backends } from './backends.ts';
import { encryptionKey, openDataDir } from './data-dir.ts';
import { superviseWorker, type Supervisor } from './embedded/supervisor.ts';
import { logger } from './log.ts';
import { Closing } from './closing.ts';
import { createServices, listen } from './server.ts';
import { childEnvironment, readSettings } from './settings.ts';
import { openState } from './state.ts';
import { connectTemporal } from './temporal.ts';

/** Options of `sluice dev`. */
export interface DevOptions {
  readonly project?: Project;
  readonly dataDir: string;
  readonly port: number;
  readonly temporalPort: number;
  readonly workers: number;
}

/** Everything in one: embedded servers, the API, and worker processes that are kept running. */
export async function startDev(
  options: DevOptions,
): Promise<{ url: string; uiUrl?: string; workerPids(): number[]; stop(): Promise<void> }> {
  const closing = new Closing();
  try {
    const settings = readSettings();
    const dir = openDataDir(options.dataDir);
    closing.add(async () => dir.release());
    const key = settings.encryptionKey ?? encryptionKey(dir.path);
    const backends = await startBackends(settings, {
      dataDir: dir.path,
      temporalPort: options.temporalPort,
      headless: false,
    });
    closing.add(() => backends.stop());
    const [state, temporal] = await Promise.all([
      openState(backends.databaseUrl, key),
      connectTemporal(backends.temporal),
    ]);
    closing.add(() => state.close());
    closing.add(() => temporal.close());
    const services = createServices(state, temporal);
    const server = await listen(services, {
      host: '127.0.0.1',
      port: options.port,
      token: settings.apiToken,
    });
    closing.add(() => server.close());
    dir.recordUrl(server.url);
    if (options.project !== undefined) await applyProject(options.project, services, state.store);
    const workers = startWorkers(options, backends, key);
    closing.add(() => workers.stop());
    return {
      url: server.url,
      ...(backends.uiUrl !== undefined && { uiUrl: backends.uiUrl }),
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
  backends: Backends,
  key: Buffer,
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
      SLUICE_ENCRYPTION_KEY: key.toString('base64'),
      TEMPORAL_ADDRESS: backends.temporal.address,
      TEMPORAL_NAMESPACE: backends.temporal.namespace,
    }),
    log: (line) => logger.info(line),
  });
}
