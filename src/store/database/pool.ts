import type { PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely';
import { DatabaseError, Pool, type PoolClient } from 'pg';

/** A peer that does not even acknowledge probes is found dead some 10 s after this. Milliseconds. */
const firstProbeMs = 10_000;
const connectMs = 10_000;
/** A worker silent for so long within a transaction has lost its chunk to another one, which waits for its locks. */
const frozenMs = 15_000;

/** Limits of a pool. */
export interface PoolOptions {
  /** Most connections at once. */
  readonly connections: number;
  /** Longest one query may take, whether the server is busy or silent. Milliseconds. */
  readonly queryTimeoutMs: number;
}

/**
 * Lends connections to the state database. One whose link failed, or whose answer did not come in time, is closed
 * and never lent again: the next borrower would wait behind what is stuck on it.
 */
export function openPool(url: string, { connections, queryTimeoutMs }: PoolOptions): PostgresPool {
  const pool = new Pool({
    connectionString: url,
    max: connections,
    application_name: 'sluice',
    connectionTimeoutMillis: connectMs,
    query_timeout: queryTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: firstProbeMs,
    idle_in_transaction_session_timeout: frozenMs,
  });
  // A dropped connection is replaced at the next query; without a listener, on the pool for idle ones and on the
  // connection itself while it is lent, it would end the process.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  return {
    connect: async () => lend(await pool.connect()),
    end: () => pool.end(),
  };
}

function lend(client: PoolClient): PostgresPoolClient {
  let broken: unknown;
  const query = async <R>(text: string, values: readonly unknown[]) => {
    if (broken !== undefined) throw broken;
    try {
      return (await client.query(text, [...values])) as unknown as PostgresQueryResult<R>;
    } catch (error) {
      if (!(error instanceof DatabaseError)) broken = error;
      throw error;
    }
  };
  return {
    query: query as PostgresPoolClient['query'],
    release: () => client.release(broken !== undefined),
  };
}
