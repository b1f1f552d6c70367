import { Connectors } from '../connectors/registry.ts';
import type { Project } from '../project/project.ts';
import { applyProject } from './apply.ts';
import { startBackends, type Backends } from './backends.ts';
import type { Closing } from './closing.ts';
import { encryptionKeys, openDataDir } from './data-dir.ts';
import type { EncryptionKeys } from './encryption-key.ts';
import { logCrashes } from './log.ts';
import { createServices, listen } from './server.ts';
import { readSettings, type Settings } from './settings.ts';
import { apiQueryMs, openState, type State } from './state.ts';
import { connectTemporal } from './temporal.ts';

/** The parts that `sluice dev` and `sluice run` share: everything but the workers. */
export interface Stack {
  readonly url: string;
  readonly settings: Settings;
  readonly keys: EncryptionKeys;
  readonly backends: Backends;
  readonly state: State;
  readonly connectors: Connectors;
}

/** Options for opening a stack. */
export interface StackOptions {
  readonly project?: Project;
  readonly dataDir: string;
  /** The port of the API; 0: any free one. */
  readonly port: number;
  /** The port of the Temporal server; 0: any free one. */
  readonly temporalPort: number;
  /** True leaves out the Temporal UI. */
  readonly headless: boolean;
}

/**
 * Takes the data directory, starts the embedded servers, serves the API and declares the project; `closing` undoes it.
 */
export async function openStack(closing: Closing, options: StackOptions): Promise<Stack> {
  logCrashes();
  const settings = readSettings();
  const dir = openDataDir(options.dataDir);
  closing.add(async () => dir.release());
  const keys = settings.encryptionKeys ?? encryptionKeys(dir.path);
  const backends = await startBackends(settings, { ...options, dataDir: dir.path });
  closing.add(() => backends.stop());
  const state = await openState(backends.databaseUrl, keys, apiQueryMs);
  closing.add(() => state.close());
  const temporal = await connectTemporal(backends.temporal);
  closing.add(() => temporal.close());
  const connectors = options.project?.connectors ?? new Connectors(settings.connectorRoot);
  const services = createServices(state, temporal, connectors);
  const token = settings.apiToken;
  const server = await listen(services, { host: '127.0.0.1', port: options.port, token });
  closing.add(() => server.close());
  dir.recordUrl(server.url);
  if (options.project !== undefined) await applyProject(options.project, services, state.store);
  return { url: server.url, settings, keys, backends, state, connectors };
}
