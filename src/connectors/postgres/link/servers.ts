import type { Socket } from 'node:net';
import { Pool } from 'pg';
import type pg from 'pg';
import { ConfigError, TransientError } from '../../../model/failure.ts';
import { addressOf, type Address, type Server } from './address.ts';
import { failureOf } from '../failures/failures.ts';
import { serverState, whyUnfit, type SessionKind } from './session-kind.ts';
import { tlsWays, type SslMode } from './tls.ts';

/** The servers' addresses, and how they are reached. */
export interface ServersOptions {
  readonly connection: string;
  readonly url: string;
  /** The TLS mode. Default: what the url says; when it says nothing, what the driver's environment says. */
  readonly sslmode: SslMode | undefined;
  /** The longest time for one attempt to connect, in milliseconds, unless the url says another. */
  readonly timeoutMs: number;
}

/** A server with one connection pool for each way to reach it. */
interface Host {
  readonly name: string;
  readonly pools: readonly pg.Pool[];
}

/**
 * The idle time before the first keep-alive probe. A peer that does not answer probes is found dead some 10 s later.
 * Milliseconds.
 */
const firstProbeMs = 10_000;
/** The time that a closing connection waits for the other end. Milliseconds. */
const goodbyeMs = 2_000;

const texts = { getTypeParser: () => (value: string | Buffer) => value };

/** The servers that a url names. A connection goes to the first server that answers and is of the wanted kind. */
export class Servers {
  private readonly connection: string;
  private readonly wanted: SessionKind;
  private readonly hosts: readonly Host[];
  private readonly timeoutMs: number;
  private readonly open = new Set<pg.PoolClient>();
  private fitting = new WeakSet<pg.PoolClient>();
  /** The host that was used last; it is tried first. */
  private last: Host | undefined;

  /** @throws ConfigError `invalid_url` */
  constructor({ connection, url, sslmode, timeoutMs }: ServersOptions) {
    const address = addressOf(url, connection);
    this.connection = connection;
    this.timeoutMs = address.connectMs ?? timeoutMs;
    this.wanted = address.wanted;
    this.hosts = address.servers.map((server) => ({
      name: server.name,
      pools: this.waysTo(server, address, sslmode).map((ssl) => this.pool(server, ssl)),
    }));
  }

  /** True when the servers may change roles, so that another one becomes the wanted kind. */
  get mayMove(): boolean {
    return this.hosts.length > 1 && this.wanted !== 'any';
  }

  /** Connects to the first server that fits. */
  async connect(): Promise<pg.PoolClient> {
    const kinds: SessionKind[] =
      this.wanted === 'prefer-standby' ? ['standby', 'any'] : [this.wanted];
    let reasons: Reason[] = [];
    for (const kind of kinds) {
      reasons = [];
      for (const host of this.inOrder()) {
        const found = await this.tryHost(host, kind);
        if ('client' in found) return found.client;
        reasons.push(found);
      }
    }
    throw this.failure(reasons);
  }

  /** Makes every connection check again, before its next use, what kind of server it leads to. */
  doubt(): void {
    this.fitting = new WeakSet();
  }

  /** Closes all connections. Those whose other end does not answer are cut. */
  async end(): Promise<void> {
    const cut = setTimeout(() => {
      for (const client of this.open) socketOf(client).destroy();
    }, goodbyeMs);
    await Promise.all(this.hosts.flatMap(({ pools }) => pools.map((pool) => pool.end())));
    if (this.open.size === 0) clearTimeout(cut);
  }

  private waysTo(server: Server, { sslmode, files }: Address, asked: SslMode | undefined) {
    const mode = server.local ? 'disable' : (asked ?? sslmode);
    return mode === undefined ? [undefined] : tlsWays(mode, files, this.connection);
  }

  private pool(server: Server, ssl: pg.PoolConfig['ssl']): pg.Pool {
    const pool = new Pool({
      connectionString: server.url,
      ...(ssl !== undefined && { ssl }),
      max: 10,
      connectionTimeoutMillis: this.timeoutMs,
      idleTimeoutMillis: 30_000,
      keepAlive: true,
      keepAliveInitialDelayMillis: firstProbeMs,
      application_name: 'sluice',
      types: texts,
    });
    // An idle connection that dies is replaced. Without a listener its error would end the process.
    pool.on('error', ignore);
    pool.on('connect', (client) => {
      client.on('error', ignore);
      this.open.add(client);
    });
    pool.on('remove', (client) => void this.open.delete(client));
    return pool;
  }

  private inOrder(): Host[] {
    const { last } = this;
    return last ? [last, ...this.hosts.filter((host) => host !== last)] : [...this.hosts];
  }

  /**
   * Returns a connection to the host if it fits, else the reason why not. Throws an error that no other host would
   * mend.
   */
  private async tryHost(
    host: Host,
    kind: SessionKind,
  ): Promise<{ client: pg.PoolClient } | Reason> {
    let client: pg.PoolClient | undefined;
    try {
      client = await this.reach(host);
      const reason = await this.check(client, kind);
      if (reason !== null) {
        client.release(true);
        return { host, unfit: reason };
      }
      this.last = host;
      return { client };
    } catch (error) {
      client?.release(true);
      const failure = failureOf(error, this.connection);
      if (this.hosts.length === 1 || !(failure instanceof TransientError)) throw failure;
      return { host, failure };
    }
  }

  /** Returns the reason why a connection's server is not of the wanted kind; null when it is. */
  private async check(client: pg.PoolClient, kind: SessionKind): Promise<string | null> {
    if (kind === 'any' || this.fitting.has(client)) return null;
    const reason = whyUnfit(await serverState(client, this.timeoutMs), kind);
    if (reason === null) this.fitting.add(client);
    return reason;
  }

  /** Connects in the first way that the host accepts. */
  private async reach({ pools }: Host): Promise<pg.PoolClient> {
    const [first, second] = pools;
    try {
      return await first!.connect();
    } catch (error) {
      if (second === undefined || !isOfTls(error, this.connection)) throw error;
      return second.connect();
    }
  }

  private failure(reasons: readonly Reason[]): Error {
    const { connection } = this;
    const said = reasons.map(({ host, ...reason }) => {
      const why = 'unfit' in reason ? reason.unfit : withoutName(reason.failure, connection);
      return `${host.name}: ${why}`;
    });
    const message = `${connection}: no server of the url can be used (target_session_attrs=${this.wanted}): ${said.join('; ')}`;
    // Servers that all answer will keep their roles. One that does not answer may come back as the wanted kind.
    return reasons.every((reason) => 'unfit' in reason)
      ? new ConfigError('no_fitting_server', message, { connection })
      : new TransientError('connection', message, { connection });
  }
}

/** The reason why a host is not used. */
type Reason = { readonly host: Host } & ({ readonly unfit: string } | { readonly failure: Error });

/** True when a link failed because it was, or was not, encrypted. */
function isOfTls(error: unknown, connection: string): boolean {
  const failure = failureOf(error, connection);
  if (!(failure instanceof ConfigError)) return false;
  return failure.code === 'tls' || (error as { code?: unknown }).code === '28000';
}

function withoutName({ message }: Error, connection: string): string {
  return message.replace(`${connection}: `, '');
}

function socketOf(client: pg.PoolClient): Socket {
  return (client as unknown as { connection: { stream: Socket } }).connection.stream;
}

/** Ignores an error that the statement under way reports as well. */
function ignore(): void {}
