import type { Connection, Connector } from '../../src/connectors/contract/connector.ts';
import type { Memory } from '../../src/connectors/contract/memory.ts';
import type { DeclaredConnection } from '../../src/connectors/ends.ts';
import type { FindsConnectors } from '../../src/connectors/registry.ts';
import { ConfigError } from '../../src/model/failure.ts';
import type { Quota } from '../../src/model/quota.ts';
import type { Store } from '../../src/store/store.ts';
import type { MakeCalls } from '../quota/paced-calls.ts';

/** A stored connection, connected to its system. */
export interface OpenConnection extends DeclaredConnection {
  readonly id: string;
  readonly connection: Connection;
  /** Makes calls to the system, within the connection's quota. */
  readonly calls: MakeCalls;
}

/** Returns the calls to a connection, within `quota`; null stands for a system that limits nobody. */
export type CallsTo = (connection: string, quota: Quota | null) => MakeCalls;

/**
 * Connects a stored connection. Its secrets are resolved here and go nowhere else (R1).
 * @throws ConfigError `unknown_connection`, `invalid_connection`, `unknown_type`, `unusable_connector`
 */
export async function connect(
  store: Store,
  connectors: FindsConnectors,
  id: string,
  callsTo: CallsTo,
): Promise<OpenConnection> {
  const stored = await store.catalog.connection(id);
  if (stored === null)
    throw new ConfigError('unknown_connection', `connection ${id} does not exist`, {
      connection: id,
    });
  const connector = await connectorOf(connectors, stored.type, id);
  const parsed = connector.settings.safeParse(stored.settings);
  if (!parsed.success) {
    throw new ConfigError('invalid_connection', `the settings of connection ${id} are not valid`, {
      connection: id,
    });
  }
  const settings = parsed.data;
  return {
    id,
    connector,
    settings,
    connection: connector.connect(settings, { connection: id, memory: memoryOf(store, id) }),
    calls: callsTo(id, quotaOf(connector, settings)),
  };
}

/** Returns the connector of a type. An error names the connection. */
async function connectorOf(
  connectors: FindsConnectors,
  type: string,
  connection: string,
): Promise<Connector> {
  try {
    return await connectors.get(type);
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    throw new ConfigError(cause.code, `connection ${connection}: ${cause.message}`, {
      connection,
      cause,
    });
  }
}

/** Returns a connection's memory, as its connector uses it. */
function memoryOf({ memories }: Store, connection: string): Memory {
  return {
    get: (name) => memories.get(connection, name),
    swap: (name, value, before) => memories.swap(connection, name, value, before),
  };
}

/** Returns the quota of a connection; null when its system limits nobody. */
export function quotaOf(connector: Connector, settings: unknown): Quota | null {
  return connector.quota === undefined ? null : (connector.quota(settings) ?? {});
}

/** Connects stored connections. */
export interface Connects {
  /** Connects a stored connection for calls of a run; the caller closes it. */
  connect(connection: string, run: string): Promise<OpenConnection>;
}
