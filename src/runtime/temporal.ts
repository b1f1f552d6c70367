import { Client, Connection } from '@temporalio/client';
import proto from '@temporalio/proto';
import { searchAttributes } from '../model/workflow.ts';
import type { TemporalSettings } from './settings.ts';

const { INDEXED_VALUE_TYPE_KEYWORD: keyword } = proto.temporal.api.enums.v1.IndexedValueType;

/** The settings of Temporal with a known address: the user's, or the embedded server's. */
export interface TemporalAddress extends TemporalSettings {
  readonly address: string;
}

/** A connected Temporal client. */
export interface TemporalClient {
  readonly client: Client;
  /** True when the server knows Sluice's search attributes; without them runs are not searchable by them. */
  readonly searchable: boolean;
  close(): Promise<void>;
}

/** Connects to Temporal and registers Sluice's search attributes where that is allowed. */
export async function connectTemporal(settings: TemporalAddress): Promise<TemporalClient> {
  const connection = await Connection.connect({
    ...connectionOptions(settings),
    // After an outage the next call must not wait for a backoff that has grown to minutes.
    channelArgs: { 'grpc.max_reconnect_backoff_ms': 5_000 },
  });
  const client = new Client({ connection, namespace: settings.namespace });
  const searchable = await registerSearchAttributes(connection, settings.namespace);
  return { client, searchable, close: () => connection.close() };
}

/** Returns the options that client and worker connections share. */
export function connectionOptions({ address, apiKey, tls, metadata }: TemporalAddress): {
  address: string;
  apiKey?: string;
  tls?: NonNullable<TemporalSettings['tls']>;
  metadata?: Record<string, string>;
} {
  return {
    address,
    ...(apiKey !== undefined && { apiKey }),
    ...(tls !== undefined && { tls }),
    ...(metadata !== undefined && { metadata: { ...metadata } }),
  };
}

async function registerSearchAttributes(
  connection: Connection,
  namespace: string,
): Promise<boolean> {
  const names = Object.values(searchAttributes);
  try {
    const { customAttributes } = await connection.operatorService.listSearchAttributes({
      namespace,
    });
    const missing = names.filter((name) => !(name in (customAttributes ?? {})));
    if (missing.length > 0) {
      await connection.operatorService.addSearchAttributes({
        namespace,
        searchAttributes: Object.fromEntries(missing.map((name) => [name, keyword])),
      });
    }
    return true;
  } catch {
    // Temporal Cloud lets only its own tools add search attributes; runs work without them.
    return false;
  }
}
