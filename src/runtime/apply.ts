import type { Services } from '../api/services.ts';
import type { Project } from '../project/project.ts';
import type { Store } from '../store/store.ts';

/** Declares all connections, syncs and entities of a project. */
export async function applyProject(
  project: Project,
  services: Services,
  store: Store,
): Promise<void> {
  for (const [id, { type, settings }] of Object.entries(project.connections)) {
    await store.catalog.putConnection({ id, type, settings: settings as Record<string, unknown> });
  }
  for (const [id, spec] of Object.entries(project.syncs)) await services.syncs.put(id, spec);
  for (const [id, spec] of Object.entries(project.entities)) await services.entities.put(id, spec);
}
