import { existsSync } from 'node:fs';
import type { Project } from '../project/project.ts';
import type { GlobalOptions } from './options.ts';

/**
 * The project of `--config`. References in it are looked up in this process's environment.
 * @throws ProjectError
 */
export async function readProject({ config }: GlobalOptions): Promise<Project> {
  // The connectors come with it: commands that need no project start without them.
  const { loadProject } = await import('../project/load.ts');
  return loadProject(config, process.env);
}

/** The project if there is one: only a file that was asked for by name must exist. */
export async function readProjectIfAny(options: GlobalOptions): Promise<{ project?: Project }> {
  if (!options.configGiven && !existsSync(options.config)) return {};
  return { project: await readProject(options) };
}
