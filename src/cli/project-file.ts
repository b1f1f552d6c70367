import { existsSync } from 'node:fs';
import type { Connectors } from '../connectors/registry.ts';
import type { Project } from '../project/project.ts';
import type { GlobalOptions } from './options.ts';

/**
 * Reads the project of `--config`. References in it are looked up in this process's environment.
 * @param connectors the known connectors. Default: those of Sluice, and any below the file's folder
 * @throws ProjectError
 */
export async function readProject(
  { config }: GlobalOptions,
  connectors?: Connectors,
): Promise<Project> {
  // This loads all connectors, so it is imported late: commands that need no project start without them.
  const { loadProject } = await import('../project/load.ts');
  return loadProject(config, process.env, connectors);
}

/** Reads the project if there is one. Only a file that `--config` names must exist. */
export async function readProjectIfAny(
  options: GlobalOptions,
  connectors?: Connectors,
): Promise<{ project?: Project }> {
  if (!options.configGiven && !existsSync(options.config)) return {};
  return { project: await readProject(options, connectors) };
}
