import type {
  ConnectContext,
  Connection,
  Connector,
} from '../../src/connectors/contract/connector.ts';
import type { Calls } from '../../src/connectors/contract/calls.ts';
import { ConfigError } from '../../src/model/failure.ts';
import type { Quota } from '../../src/model/quota.ts';
import type { Store } from '../../src/store/store.ts';

/** A stored connection that is connected. */
export interface Connected {
  readonly id: string;
  readonly connector: Connector;
  readonly settings: unknown;
  readonly connection: Connection;
}

/** What paces the calls of a connection. */
export type ThrottleOf = (connection: string, quota: Quota) => Throttle;

/** Connects a stored connection; its secrets are resolved here and go nowhere else (R1). */
export async function connect(
  store: Store,
  connectorOf: (type: string) => Connector | undefined,
  id: string,
  throttleOf: ThrottleOf,
): Promise<Connected> {
  const stored = await store.catalog.connection(id);
  if (stored === null)
    throw new ConfigError('unknown_connection', `connection ${id} does not exist`, {
      connection: id,
    });
  const connector = connectorOf(stored.type);
  const parsed = connector?.settings.safeParse(stored.settings);
  if (connector === undefined || parsed?.success !== true) {
    throw new ConfigError('invalid_connection', `the settings of connection ${id} are not valid`, {
      connection: id,
    });
  }
  const context: ConnectContext = {
    connection: id,
    throttle: throttleOf(id, connector.quota?.(parsed.data) ?? {}),
  };
  return {
    id,
    connector,
    settings: parsed.data,
    connection: connector.connect(parsed.data, context),
  };
}

/** Whoever connects stored connections. */
export interface Connects {
  /** Connects a stored connection for calls of a run; the caller closes it. */
  connect(connection: string, run: string): Promise<Connected>;
}
