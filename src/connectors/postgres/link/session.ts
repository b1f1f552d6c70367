import type pg from 'pg';
import { faultPoint } from '../../../model/fault-point.ts';
import type { Calls } from '../../contract/calls.ts';
import type { LegacyEncoding } from '../values/legacy-text.ts';
import { runAlone } from './lone-query.ts';
import { localSettings, type TransactionLimits } from './settings.ts';

/** One row of a result. Every value is the text that PostgreSQL printed, null for NULL. */
export type TextRow = Readonly<Record<string, string | null>>;

/** The result of a statement. */
export interface Answer {
  readonly rows: readonly TextRow[];
  readonly count: number;
  /** The columns of the rows. */
  readonly fields: readonly pg.FieldDef[];
}

/** Settings of one transaction. */
export interface TransactionOptions extends Partial<TransactionLimits> {
  /** The encoding in which texts are sent and received. Default UTF8. */
  readonly clientEncoding?: string;
}

/** The parts of a database that {@link Session} needs. */
interface Database {
  readonly options: {
    readonly connection: string;
    readonly statementTimeoutMs: number;
    readonly timeoutMs: number;
    readonly encoding?: LegacyEncoding | undefined;
  };
  /** The encoding of the database, such as `UTF8`; empty before the first transaction. */
  databaseEncoding: string;
  /** Takes a connection out of the pool. */
  connect(signal: AbortSignal): Promise<pg.PoolClient>;
  /** Classes an error. */
  failureOf(error: unknown): Error;
}

/** A connection taken out of the pool. */
export interface Lease {
  readonly client: pg.PoolClient;
  /** Gives the connection back, or closes it when `broken`. Later calls do nothing. */
  release(broken: boolean): void;
  /** Classes an error that occurred while the connection was held. */
  failure(error: unknown): Error;
}

/**
 * Runs the statements of one piece of work, each through the work's calls. Every statement runs in a transaction with
 * its own settings, so that values print the same way everywhere and no setting stays in the session: a pooler may
 * stand in between, which gives the session to another client after each transaction.
 */
export class Session {
  readonly calls: Calls;
  private readonly database: Database;

  constructor(database: Database, calls: Calls) {
    this.database = database;
    this.calls = calls;
  }

  get connection(): string {
    return this.database.options.connection;
  }

  get statementTimeoutMs(): number {
    return this.database.options.statementTimeoutMs;
  }

  get timeoutMs(): number {
    return this.database.options.timeoutMs;
  }

  get encoding(): LegacyEncoding | undefined {
    return this.database.options.encoding;
  }

  /** See {@link Database.databaseEncoding}. */
  get databaseEncoding(): string {
    return this.database.databaseEncoding;
  }

  /** Runs `work` with a connection of its own, as one call. Errors are classed; a failure closes the connection. */
  withClient<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    return this.calls.make(async ({ signal }) => {
      const lease = await this.take(signal);
      try {
        const value = await work(lease.client);
        lease.release(false);
        return { value };
      } catch (error) {
        throw lease.failure(error);
      } finally {
        lease.release(true);
      }
    });
  }

  /** Takes a connection out of the pool, as one call. The caller must release it; an abort closes it. */
  acquire(): Promise<Lease> {
    return this.calls.make(async ({ signal }) => ({ value: await this.take(signal) }));
  }

  /** Runs one statement as a transaction of its own. */
  query(text: string, values: readonly unknown[] = []): Promise<Answer> {
    return this.withClient((client) => this.run(client, text, values));
  }

  /**
   * Runs one statement in the transaction that `client` is in, else as a transaction of its own. Errors are not
   * classed.
   */
  async run(client: pg.ClientBase, text: string, values: readonly unknown[] = []): Promise<Answer> {
    const { statementTimeoutMs, timeoutMs: silenceMs } = this.database.options;
    const timeoutMs = statementTimeoutMs + silenceMs;
    if (client.getTransactionStatus() === 'I') {
      const settings = localSettings(this.limits);
      return answerOf(await runAlone(client, { settings, text, values, timeoutMs }));
    }
    const config = { text, values: [...values], query_timeout: timeoutMs };
    return answerOf(await client.query<TextRow>(config));
  }

  /** Runs `work` in one transaction, as one call. Any failure rolls it back. */
  transaction<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    return this.withClient((client) => this.committed(client, work));
  }

  /**
   * Runs `work` in one transaction that may wait for other calls, such as those that read what it writes: only to take the
   * connection is a call. Any failure rolls it back.
   */
  async longTransaction<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const lease = await this.acquire();
    try {
      const result = await this.committed(lease.client, work);
      lease.release(false);
      return result;
    } catch (error) {
      throw lease.failure(error);
    } finally {
      lease.release(true);
    }
  }

  /** Begins a transaction with its settings. Errors are not classed. */
  async begin(client: pg.ClientBase, options: TransactionOptions = {}): Promise<void> {
    const text = `BEGIN; ${localSettings({ ...this.limits, ...options }, options.clientEncoding)}`;
    const config = { text, query_timeout: this.database.options.timeoutMs };
    const answers: unknown = await client.query<TextRow>(config);
    const [, settings] = answers as pg.QueryResult<TextRow>[];
    this.database.databaseEncoding = settings?.rows[0]?.['encoding'] ?? '';
  }

  private async committed<T>(
    client: pg.PoolClient,
    work: (client: pg.PoolClient) => Promise<T>,
  ): Promise<T> {
    await this.begin(client);
    const result = await work(client);
    faultPoint('destination.in-transaction');
    await this.run(client, 'COMMIT');
    faultPoint('destination.after-commit');
    return result;
  }

  private async take(signal: AbortSignal): Promise<Lease> {
    signal.throwIfAborted();
    let held: pg.PoolClient | undefined;
    const release = (broken: boolean) => {
      signal.removeEventListener('abort', abort);
      held?.release(broken);
      held = undefined;
    };
    const abort = () => release(true);
    const failure = (error: unknown) =>
      signal.aborted ? (signal.reason as Error) : this.database.failureOf(error);
    try {
      const client = await this.database.connect(signal);
      held = client;
      signal.addEventListener('abort', abort, { once: true });
      return { client, release, failure };
    } catch (error) {
      release(true);
      throw failure(error);
    }
  }

  private get limits(): TransactionLimits {
    const { statementTimeoutMs, timeoutMs } = this.database.options;
    return { statementMs: statementTimeoutMs, idleMs: Math.min(timeoutMs, frozenMs) };
  }
}

/**
 * A worker that is silent for this long within a transaction is taken for frozen and loses its chunk to another worker,
 * which waits for its locks.
 */
const frozenMs = 15_000;

function answerOf({ rows, rowCount, fields }: pg.QueryResult<TextRow>): Answer {
  return { rows, count: rowCount ?? 0, fields };
}
