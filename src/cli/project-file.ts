import { existsSync } from 'node:fs';
import type { Connectors } from '../connectors/registry.ts';
import type { Project } from '../project/project.ts';
import type { GlobalOptions } from './options.ts';

/**
 * The project of `--config`. References in it are looked up in this process's environment.
 * @param connectors default: those of Sluice, and any below the file's folder
 * @throws ProjectError
 */
export async function readProject(
  { config }: GlobalOptions,
  connectors?: Connectors,
): Promise<Project> {
  // The connectors come with it: commands that need no project start without them.
  const { loadProject } = await import('../project/load.ts');
  return loadProject(config, process.env, connectors);
}

/** The project if there is one: only a file that was asked for by name must exist. */
export async function readProjectIfAny(
  options: GlobalOptions,
  connectors?: Connectors,
): Promise<{ project?: Project }> {
  if (!options.configGiven && !existsSync(options.config)) return {};
  return { project: await readProject(options, connectors) };
}
