import { mkdirSync } from 'node:fs';
import { Connectors } from '../connectors/registry.ts';
import { ConfigError } from '../model/failure.ts';
import type { Project } from '../project/project.ts';
import { applyProject } from './apply.ts';
import { Closing } from './closing.ts';
import { encryptionKeys } from './data-dir.ts';
import { exitWithParent } from './embedded/exit-with-parent.ts';
import { logCrashes } from './log.ts';
import { createServices, listen } from './server.ts';
import { readSettings, type Settings } from './settings.ts';
import { apiQueryMs, openState, type State } from './state.ts';
import { connectTemporal, type TemporalAddress } from './temporal.ts';
import { armTestFaults } from './test-faults.ts';
import { runWorker, type RunningWorker } from './worker.ts';

/** Runs `sluice server`: the API alone, with a database and a Temporal server that exist already. */
export async function startServer(options: {
  port: number;
  host: string;
  project?: Project;
  dataDir: string;
}): Promise<{ url: string; stop(): Promise<void> }> {
  const closing = new Closing();
  try {
    const { settings, state, address } = await open(options.dataDir, apiQueryMs);
    closing.add(() => state.close());
    const temporal = await connectTemporal(address);
    closing.add(() => temporal.close());
    const connectors = options.project?.connectors ?? new Connectors(settings.connectorRoot);
    const services = createServices(state, temporal, connectors);
    const server = await listen(services, { ...options, token: settings.apiToken });
    closing.add(() => server.close());
    if (options.project !== undefined) await applyProject(options.project, services, state.store);
    return { url: server.url, stop: () => closing.close() };
  } catch (error) {
    await closing.close();
    throw error;
  }
}

/** Runs `sluice worker`: one worker in this process, with a database and a Temporal server that exist already. */
export async function startWorker({ dataDir }: { dataDir: string }): Promise<RunningWorker> {
  const { settings, state, address } = await open(dataDir);
  if (settings.testFaults !== undefined) armTestFaults(settings.testFaults);
  try {
    const worker = await runWorker(address, state, new Connectors(settings.connectorRoot));
    exitWithParent({ drain: () => worker.stop() });
    const closed = closeAfter(worker.closed, state);
    return { closed, stop: () => worker.stop() };
  } catch (error) {
    await state.close();
    throw error;
  }
}

async function closeAfter(work: Promise<void>, state: State): Promise<void> {
  try {
    await work;
  } finally {
    await state.close();
  }
}

async function open(
  dataDir: string,
  queryTimeoutMs?: number,
): Promise<{ settings: Settings; state: State; address: TemporalAddress }> {
  logCrashes();
  const settings = readSettings();
  const { address } = settings.temporal;
  if (settings.databaseUrl === undefined) throw missing('SLUICE_DATABASE_URL');
  if (address === undefined) throw missing('TEMPORAL_ADDRESS');
  mkdirSync(dataDir, { recursive: true });
  const keys = settings.encryptionKeys ?? encryptionKeys(dataDir);
  const state = await openState(settings.databaseUrl, keys, queryTimeoutMs);
  return { settings, state, address: { ...settings.temporal, address } };
}

function missing(variable: string): ConfigError {
  return new ConfigError(
    'missing_setting',
    `set ${variable}, or use \`sluice dev\`, which brings its own`,
  );
}
