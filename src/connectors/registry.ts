import type { Connector } from './contract/connector.ts';
import { file } from './file/file.ts';
import { http } from './http/http.ts';
import { postgres } from './postgres/postgres.ts';

/** Every connector Sluice knows: a new one is added here and in its own folder, nowhere else. */
const connectors: readonly Connector[] = [postgres, http, file] as readonly Connector[];

/** The connector of a connection's `type`; undefined for a type that does not exist. */
export function connectorOf(type: string): Connector | undefined {
  return connectors.find((connector) => connector.type === type);
}

/** All connectors, in the order the docs list them. */
export function allConnectors(): readonly Connector[] {
  return connectors;
}
