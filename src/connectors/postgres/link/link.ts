import type pg from 'pg';
import { ConfigError, TransientError } from '../../../model/failure.ts';
import type { Calls } from '../../contract/calls.ts';
import type { Connection } from '../../contract/connector.ts';
import { discover } from '../catalog/discover.ts';
import { failureOf } from '../failures/failures.ts';
import type { LegacyEncoding } from '../values/legacy-text.ts';
import { Servers } from './servers.ts';
import { Session } from './session.ts';

/** The settings that reach a database. */
export interface LinkOptions {
  readonly connection: string;
  readonly url: string;
  /** The wish for TLS. Default: what the url says. */
  readonly ssl?: 'disable' | 'require' | 'verify' | undefined;
  /** The longest time that a statement may compute, in milliseconds. */
  readonly statementTimeoutMs: number;
  /**
   * The longest time, in milliseconds, that the other end may stay silent when it has nothing to compute, or may take
   * none of the bytes sent to it.
   */
  readonly timeoutMs: number;
  /** The encoding of the texts of an SQL_ASCII database, which does not know it itself. Default: UTF-8. */
  readonly encoding?: LegacyEncoding | undefined;
}

const sslModeOf = { disable: 'disable', require: 'require', verify: 'verify-full' } as const;

/** A database and the pool of connections to it. All work goes through a {@link Session}. */
export class Link implements Connection {
  readonly options: LinkOptions;
  /** The encoding of the database, such as `UTF8`; empty before the first transaction. */
  databaseEncoding = '';
  private made: Servers | undefined;
  private closed: Promise<void> | undefined;

  constructor(options: LinkOptions) {
    this.options = options;
  }

  /** Returns a session that makes its calls through `calls`. */
  session(calls: Calls): Session {
    return new Session(this, calls);
  }

  async check(calls: Calls): Promise<void> {
    const session = this.session(calls);
    // A transaction, because not every pooler passes them on.
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

  /**
   * Classes an error. When the server has become read-only and another server of the url may be writable, the error is
   * transient and the next call looks for that server.
   */
  failureOf(error: unknown): Error {
    const { connection } = this.options;
    const failure = failureOf(error, connection);
    if (!(failure instanceof ConfigError) || failure.code !== 'read_only') return failure;
    if (this.made?.mayMove !== true) return failure;
    this.made.doubt();
    return new TransientError('connection', failure.message, { connection });
  }

  /** Closes the pool. Connections whose other end does not answer are cut. */
  close(): Promise<void> {
    this.closed ??= this.made?.end() ?? Promise.resolve();
    return this.closed;
  }

  /** The servers, made on first use, so that a url that cannot be read fails the call rather than the constructor. */
  private get servers(): Servers {
    const { connection, url, ssl, timeoutMs } = this.options;
    const sslmode = ssl && sslModeOf[ssl];
    this.made ??= new Servers({ connection, url, sslmode, timeoutMs });
    return this.made;
  }
}

/** Returns the connection when it is made. After an abort a late one is closed. */
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
