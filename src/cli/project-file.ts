import { existsSync } from 'node:fs';
import type { Project } from '../project/project.ts';
import type { GlobalOptions } from './options.ts';

/**
 * Reads the project of `--config`. Its references are looked up in this process's environment.
 * @throws ProjectError
 */
export async function readProject({ config }: GlobalOptions): Promise<Project> {
  // Imported on demand, because the connectors come with it; commands without a project start faster.
  const { loadProject } = await import('../project/load.ts');
  return loadProject(config, process.env);
}

/** Reads the project if there is one. The file must exist only when the user named it. */
export async function readProjectIfAny(options: GlobalOptions): Promise<{ project?: Project }> {
  if (!options.configGiven && !existsSync(options.config)) return {};
  return { project: await readProject(options) };
}
