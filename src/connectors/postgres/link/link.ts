import type pg from 'pg';
import { ConfigError, TransientError } from '../../../model/failure.ts';
import type { Calls } from '../../contract/calls.ts';
import type { Connection } from '../../contract/connector.ts';
import { discover } from '../catalog/discover.ts';
import { failureOf } from '../failures/failures.ts';
import type { LegacyEncoding } from '../values/legacy-text.ts';
import { Servers } from './servers.ts';
import { Session } from './session.ts';

/** How to reach a database. */
export interface LinkOptions {
  readonly connection: string;
  readonly url: string;
  /** Default: what the url says. */
  readonly ssl?: 'disable' | 'require' | 'verify' | undefined;
  /** Longest a statement may compute. */
  readonly statementTimeoutMs: number;
  /** Longest the other end may stay silent where it has nothing to compute, or take none of the bytes it is sent. */
  readonly timeoutMs: number;
  /** What the texts of an SQL_ASCII database are in, which does not know it. Default: UTF-8. */
  readonly encoding?: LegacyEncoding | undefined;
}

const sslModeOf = { disable: 'disable', require: 'require', verify: 'verify-full' } as const;

/** A database, and the pool of connections to it. What is asked of it goes through a {@link Session}. */
export class Link implements Connection {
  readonly options: LinkOptions;
  /** The encoding of the database, such as `UTF8`; empty before the first transaction. */
  databaseEncoding = '';
  private made: Servers | undefined;
  private closed: Promise<void> | undefined;

  constructor(options: LinkOptions) {
    this.options = options;
  }

  /** What makes its calls through `calls`. */
  session(calls: Calls): Session {
    return new Session(this, calls);
  }

  async check(calls: Calls): Promise<void> {
    const session = this.session(calls);
    // Not every pooler passes transactions on.
    await session.transaction((client) => session.run(client, 'SELECT 1'));
  }

  discover(calls: Calls): ReturnType<typeof discover> {
    return discover(this.session(calls));
  }

  /** Takes a connection out of the pool. */
  connect(signal: AbortSignal): Promise<pg.PoolClient> {
    if (this.closed !== undefined) throw closed(this.options.connection);
    return unlessAborted(this.servers.connect(), signal);
  }

  /** Classes an error. A server that has become one which only reads is left for another one, where there may be one. */
  failureOf(error: unknown): Error {
    const { connection } = this.options;
    const failure = failureOf(error, connection);
    if (!(failure instanceof ConfigError) || failure.code !== 'read_only') return failure;
    if (this.made?.mayMove !== true) return failure;
    this.made.doubt();
    return new TransientError('connection', failure.message, { connection });
  }

  /** Closes the pool; connections whose other end does not say goodbye are cut. */
  close(): Promise<void> {
    this.closed ??= this.made?.end() ?? Promise.resolve();
    return this.closed;
  }

  /** Made when they are first needed: a url that cannot be read is a failure of the call. */
  private get servers(): Servers {
    const { connection, url, ssl, timeoutMs } = this.options;
    const sslmode = ssl && sslModeOf[ssl];
    this.made ??= new Servers({ connection, url, sslmode, timeoutMs });
    return this.made;
  }
}

/** The connection when it comes; one that comes after the abort is closed. */
function unlessAborted(
  connecting: Promise<pg.PoolClient>,
  signal: AbortSignal,
): Promise<pg.PoolClient> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    const connected = (client: pg.PoolClient): void => {
      if (signal.aborted) client.release(true);
      resolve(client);
    };
    const settled = (): void => signal.removeEventListener('abort', abort);
    connecting.then(connected, reject).finally(settled);
  });
}

function closed(connection: string): TransientError {
  return new TransientError('connection', `${connection}: the connection is closed`, {
    connection,
  });
}
