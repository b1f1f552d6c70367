import type { Project } from '../project/project.ts';
import { applyProject } from './apply.ts';
import { startBackends } from './backends.ts';
import { Closing } from './closing.ts';
import { encryptionKey, openDataDir } from './data-dir.ts';
import { createServices, listen } from './server.ts';
import { readSettings } from './settings.ts';
import { openState } from './state.ts';
import { connectTemporal } from './temporal.ts';
import { runWorker } from './worker.ts';

/** An embedded server with a worker in this process, for one command. What it knows stays in the data directory. */
export async function startOccasion(options: {
  project: Project;
  dataDir: string;
}): Promise<{ url: string; token?: string; stop(): Promise<void> }> {
  const closing = new Closing();
  try {
    const settings = readSettings();
    const dir = openDataDir(options.dataDir);
    closing.add(async () => dir.release());
    const key = settings.encryptionKey ?? encryptionKey(dir.path);
    const backends = await startBackends(settings, {
      dataDir: dir.path,
      temporalPort: 0,
      headless: true,
    });
    closing.add(() => backends.stop());
    const state = await openState(backends.databaseUrl, key);
    closing.add(() => state.close());
    const temporal = await connectTemporal(backends.temporal);
    closing.add(() => temporal.close());
    const services = createServices(state, temporal);
    const token = settings.apiToken;
    const server = await listen(services, { host: '127.0.0.1', port: 0, token });
    closing.add(() => server.close());
    await applyProject(options.project, services, state.store);
    const worker = await runWorker(backends.temporal, state);
    closing.add(() => worker.stop());
    return { url: server.url, ...(token !== undefined && { token }), stop: () => closing.close() };
  } catch (error) {
    await closing.close();
    throw error;
  }
}
