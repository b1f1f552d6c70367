import type { DeclaredConnection } from '../../connectors/ends.ts';
import type { Connectors } from '../../connectors/registry.ts';
import type { StoredConnection } from '../../store/catalog.ts';

/** Returns a stored connection with its connector; undefined when it is not valid any more. Its check tells why. */
export async function declaredConnection(
  connectors: Connectors,
  { type, settings }: StoredConnection,
): Promise<DeclaredConnection | undefined> {
  await connectors.load([type]);
  const connector = connectors.find(type);
  const parsed = connector?.settings.safeParse(settings);
  if (connector === undefined || parsed?.success !== true) return undefined;
  return { connector, settings: parsed.data };
}
