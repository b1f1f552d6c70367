import type pg from 'pg';
import { faultPoint } from '../../../model/fault-point.ts';
import { ConfigError, TransientError } from '../../../model/failure.ts';
import { failureOf } from '../failures/failures.ts';
import type { LegacyEncoding } from '../values/legacy-text.ts';
import { runAlone } from './lone-query.ts';
import { Servers } from './servers.ts';
import { localSettings, type TransactionLimits } from './settings.ts';

/** One row of a result: every value is the text PostgreSQL printed, null for NULL. */
export type TextRow = Readonly<Record<string, string | null>>;

/** What a statement did. */
export interface Answer {
  readonly rows: readonly TextRow[];
  readonly count: number;
  /** The columns of the rows. */
  readonly fields: readonly pg.FieldDef[];
}

/** What a transaction has of its own. */
export interface TransactionOptions extends Partial<TransactionLimits> {
  /** In which texts are sent and received. Default UTF8. */
  readonly clientEncoding?: string;
}

/** How to reach a database. */
export interface SessionOptions {
  readonly connection: string;
  readonly url: string;
  /** Default: what the url says. */
  readonly ssl?: 'disable' | 'require' | 'verify' | undefined;
  /** Longest a statement may compute. */
  readonly statementTimeoutMs: number;
  /** Longest the other end may stay silent where it has nothing to compute, or take none of the bytes it is sent. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /** What the texts of an SQL_ASCII database are in, which does not know it. Default: UTF-8. */
  readonly encoding?: LegacyEncoding | undefined;
}

/** A connection taken out of the pool. */
export interface Lease {
  readonly client: pg.PoolClient;
  /** Gives it back, or closes it when `broken`. Later calls do nothing. */
  release(broken: boolean): void;
  /** Classes an error that came up while it was held. */
  failure(error: unknown): Error;
}

const sslModeOf = { disable: 'disable', require: 'require', verify: 'verify-full' } as const;

/**
 * A pool of connections. Every statement runs in a transaction that has settings of its own, so that values print the
 * same way everywhere and no session keeps a trace: a pooler may stand between, which hands sessions on after each
 * transaction.
 */
export class Session {
  readonly connection: string;
  readonly statementTimeoutMs: number;
  readonly timeoutMs: number;
  private readonly options: SessionOptions;
  readonly encoding: LegacyEncoding | undefined;
  /** The encoding of the database, such as `UTF8`; empty before the first transaction. */
  databaseEncoding = '';
  private made: Servers | undefined;
  private readonly signal: AbortSignal | undefined;
  private closed: Promise<void> | undefined;

  constructor(options: SessionOptions) {
    this.connection = options.connection;
    this.statementTimeoutMs = options.statementTimeoutMs;
    this.timeoutMs = options.timeoutMs;
    this.signal = options.signal;
    this.encoding = options.encoding;
    this.options = options;
  }

  /** Runs `work` with a connection of its own; a failure closes it. Errors come out classed. */
  async withClient<T>(
    work: (client: pg.PoolClient) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const lease = await this.acquire(signal);
    try {
      const result = await work(lease.client);
      lease.release(false);
      return result;
    } catch (error) {
      throw lease.failure(error);
    } finally {
      lease.release(true);
    }
  }

  /** Takes a connection out of the pool; the caller must release it. An abort closes it. */
  async acquire(own?: AbortSignal): Promise<Lease> {
    const signal = own && this.signal ? AbortSignal.any([own, this.signal]) : (own ?? this.signal);
    signal?.throwIfAborted();
    if (this.closed !== undefined) throw closed(this.connection);
    let held: pg.PoolClient | undefined;
    const release = (broken: boolean) => {
      signal?.removeEventListener('abort', abort);
      held?.release(broken);
      held = undefined;
    };
    const abort = () => release(true);
    const failure = (error: unknown) =>
      signal?.aborted ? (signal.reason as Error) : this.failureOf(error);
    try {
      const client = await unlessAborted(this.servers.connect(), signal);
      held = client;
      signal?.addEventListener('abort', abort, { once: true });
      return { client, release, failure };
    } catch (error) {
      release(true);
      throw failure(error);
    }
  }

  /** Runs one statement as a transaction of its own. */
  query(text: string, values: readonly unknown[] = [], signal?: AbortSignal): Promise<Answer> {
    return this.withClient((client) => this.run(client, text, values), signal);
  }

  /** Runs one statement in the transaction that `client` is in, else as one of its own; errors come out raw. */
  async run(client: pg.ClientBase, text: string, values: readonly unknown[] = []): Promise<Answer> {
    const timeoutMs = this.statementTimeoutMs + this.timeoutMs;
    if (client.getTransactionStatus() === 'I') {
      const settings = localSettings(this.limits);
      return answerOf(await runAlone(client, { settings, text, values, timeoutMs }));
    }
    const config = { text, values: [...values], query_timeout: timeoutMs };
    return answerOf(await client.query<TextRow>(config));
  }

  /** Runs `work` in one transaction; any failure rolls back. */
  transaction<T>(work: (client: pg.PoolClient) => Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.withClient(async (client) => {
      await this.begin(client);
      const result = await work(client);
      faultPoint('destination.in-transaction');
      await this.run(client, 'COMMIT');
      faultPoint('destination.after-commit');
      return result;
    }, signal);
  }

  /** Begins a transaction with the settings that hold in it; errors come out raw. */
  async begin(client: pg.ClientBase, options: TransactionOptions = {}): Promise<void> {
    const text = `BEGIN; ${localSettings({ ...this.limits, ...options }, options.clientEncoding)}`;
    const config = { text, query_timeout: this.timeoutMs };
    const answers: unknown = await client.query<TextRow>(config);
    const [, settings] = answers as pg.QueryResult<TextRow>[];
    this.databaseEncoding = settings?.rows[0]?.['encoding'] ?? '';
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

  /** A server that has become one which only reads is left for another one, where there may be one. */
  private failureOf(error: unknown): Error {
    const failure = failureOf(error, this.connection);
    const { connection } = this;
    if (!(failure instanceof ConfigError) || failure.code !== 'read_only') return failure;
    if (this.made?.mayMove !== true) return failure;
    this.made.doubt();
    return new TransientError('connection', failure.message, { connection });
  }

  private get limits(): TransactionLimits {
    return {
      statementMs: this.statementTimeoutMs,
      idleMs: Math.min(this.timeoutMs, frozenMs),
    };
  }
}

/** A worker silent for so long within a transaction has lost its chunk to another one, which waits for its locks. */
const frozenMs = 15_000;

/** The connection when it comes; one that comes after the abort is closed. */
function unlessAborted(
  connecting: Promise<pg.PoolClient>,
  signal: AbortSignal | undefined,
): Promise<pg.PoolClient> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal?.reason as Error);
    signal?.addEventListener('abort', abort, { once: true });
    const connected = (client: pg.PoolClient): void => {
      if (signal?.aborted) client.release(true);
      resolve(client);
    };
    const settled = (): void => signal?.removeEventListener('abort', abort);
    connecting.then(connected, reject).finally(settled);
  });
}

function answerOf({ rows, rowCount, fields }: pg.QueryResult<TextRow>): Answer {
  return { rows, count: rowCount ?? 0, fields };
}

function closed(connection: string): TransientError {
  return new TransientError('connection', `${connection}: the connection is closed`, {
    connection,
  });
}
