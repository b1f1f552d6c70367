import { invalid, type FieldIssue } from '../../api/http/problem.ts';
import type { Connectors } from '../../connectors/registry.ts';
import type { EntitySpec } from '../../model/entity.ts';
import { checkEntity } from '../../project/entities/check-entity.ts';
import type { ProjectConnection } from '../../project/project.ts';
import type { Path, Reporter } from '../../project/reporter.ts';
import type { Store } from '../../store/store.ts';
import { declaredConnection } from './declared-connection.ts';

/**
 * Checks an entity in the same way as a project file's entities, against the declared connections.
 * @throws ApiProblem 422 with everything that is wrong
 */
export async function checkStoredEntity(
  { catalog }: Store,
  connectors: Connectors,
  spec: EntitySpec,
): Promise<void> {
  const connections = new Map<string, ProjectConnection | null>();
  for (const stored of await catalog.connections()) {
    const declared = await declaredConnection(connectors, stored);
    connections.set(stored.id, declared ? { type: stored.type, ...declared } : null);
  }
  const found = new Collected();
  checkEntity(found, [], spec, connections);
  if (found.issues.length > 0) throw invalid('The entity does not fit.', found.issues);
}

/** Collects problems by their paths. */
class Collected implements Reporter {
  readonly issues: FieldIssue[] = [];

  report(path: Path, message: string, hint?: string): void {
    const text = hint === undefined ? message : `${message}; ${hint}`;
    this.issues.push({ path: path.map(String).join('.'), message: text });
  }

  refers(): boolean {
    return false;
  }
}
