import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Effect, type Fields, Collection } from './strict-collection.ts';
import { listPage } from './strict-list.ts';
import {
  type Arrival,
  type StrictLimitOptions,
  StrictLimits,
  type StrictQuota,
} from './strict-limits.ts';

/** The behaviour of the server. */
export interface StrictApiOptions extends StrictLimitOptions {
  /** The port. Default: any free one. */
  readonly port?: number;
  /**
   * The token that `Authorization: Bearer`, `X-Api-Key` or `?api_key=` must carry, or basic authentication as the
   * password.
   */
  readonly token?: string;
  /** The client to which `POST /oauth/token` issues tokens, each valid until `expireTokens()`. */
  readonly client?: { readonly id: string; readonly secret: string };
  /** The time that every answer takes. Default 0. */
  readonly latencyMs?: number;
  /** The most records in one call of `/contacts/bulk`. Default 100. */
  readonly bulk?: number;
  /** The most records on a page, whatever was asked for. Default 100. */
  readonly pageSize?: number;
  /** The field that identifies a contact; `id`: the server assigns it. Default email. */
  readonly key?: string;
  /** True when a key can exist only once, so that a second create of it is refused. Default true. */
  readonly unique?: boolean;
  /** False drops what is written: a server that keeps much pauses now and then. Default true. */
  readonly keeps?: boolean;
  /** Values; a write with one of them in any field is answered 400. */
  readonly poison?: readonly string[];
}

/** Counts of the requests to the server. */
export interface StrictApiStats {
  readonly requests: number;
  /** Calls that were refused for being one too many. */
  readonly limited: number;
  /** Calls that changed or tried to change records. */
  readonly writes: number;
  readonly tokens: number;
}

/** Faults to come. */
export interface Faults {
  /** The next calls are answered 500, without effect. */
  fail: number;
  /** The connection of the next writes is cut after the effect. */
  drop: number;
  /** The next writes take effect and are never answered. */
  hang: number;
  /** The status that items of bulk calls get, without effect, by the items' key. */
  items: Map<string, number>;
}

/** A running server. */
export interface StrictApi {
  /** The base address, without a slash at the end. */
  readonly url: string;
  /** Contacts by key. */
  readonly records: Map<string, Fields> & { list(): readonly Fields[] };
  /** Every change, in order. */
  readonly log: readonly Effect[];
  readonly faults: Faults;
  readonly poison: Set<string>;
  stats(): StrictApiStats;
  /** Every call as it was counted. */
  readonly arrivals: readonly Arrival[];
  /** Sets another quota from now on; undefined: none. */
  setQuota(quota: StrictQuota | undefined): void;
  /** Answers every call with 429 or 503 for a while, with `Retry-After`. */
  pause(ms: number, status?: 429 | 503): void;
  /** Makes all tokens issued so far invalid: they are answered 401. */
  expireTokens(): void;
  close(): Promise<void>;
}

interface State {
  readonly options: StrictApiOptions;
  readonly contacts: Collection;
  readonly faults: Faults;
  readonly limits: StrictLimits;
  readonly tokens: Set<string>;
  /** Answers to calls with an `Idempotency-Key`, by that key. */
  readonly answered: Map<string, Reply>;
  readonly count: { requests: number; limited: number; writes: number; tokens: number };
}

interface Reply {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Starts an in-memory JSON API with one collection, `/contacts`, that keeps its rules strictly: a quota over a sliding
 * window, keys that exist only once, a size limit of pages and bulk calls, credentials. An archived contact is not listed,
 * and found by its key.
 */
export async function startStrictApi(options: StrictApiOptions = {}): Promise<StrictApi> {
  const state: State = {
    options,
    contacts: new Collection(options.key ?? 'email', new Set(options.poison), options),
    faults: { fail: 0, drop: 0, hang: 0, items: new Map() },
    limits: new StrictLimits(options),
    tokens: new Set(),
    answered: new Map(),
    count: { requests: 0, limited: 0, writes: 0, tokens: 0 },
  };
  const server = createServer((request, response) => {
    serve(state, request, response).catch((error: unknown) => {
      send(response, { status: 500, body: { message: String(error) } });
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    records: state.contacts.records,
    log: state.contacts.log,
    faults: state.faults,
    poison: state.contacts.poison,
    stats: () => ({ ...state.count }),
    arrivals: state.limits.arrivals,
    setQuota: (quota) => state.limits.quota(quota),
    pause: (ms, status = 429) => state.limits.pause(ms, status),
    expireTokens: () => state.tokens.clear(),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function serve(
  state: State,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const limits = state.limits.take();
  response.once('close', () => limits.done());
  const url = new URL(request.url ?? '/', 'http://localhost');
  const body = await bodyOf(request);
  if (state.options.latencyMs)
    await new Promise((resolve) => setTimeout(resolve, state.options.latencyMs));
  state.count.requests += 1;
  if (limits.status !== undefined) {
    state.count.limited += 1;
    const refused = { status: limits.status, body: { message: 'too many calls' } };
    send(response, { ...refused, headers: limits.headers });
    return;
  }
  if (url.pathname === '/oauth/token') {
    send(response, issueToken(state, new URLSearchParams(body)));
    return;
  }
  if (!isAllowed(state, request, url)) {
    send(response, { status: 401, body: { message: 'no access' } });
    return;
  }
  if (state.faults.fail > 0) {
    state.faults.fail -= 1;
    send(response, { status: 500, body: { message: 'failed on purpose' } });
    return;
  }
  const once = request.headers['idempotency-key'];
  const known = typeof once === 'string' ? state.answered.get(once) : undefined;
  const reply = known ?? route(state, request.method ?? 'GET', url, body);
  if (typeof once === 'string') state.answered.set(once, reply);
  const writes = request.method !== 'GET' && url.pathname !== '/contacts/lookup';
  if (writes) state.count.writes += 1;
  if (writes && state.faults.drop > 0) {
    state.faults.drop -= 1;
    request.socket.destroy();
    return;
  }
  if (writes && state.faults.hang > 0) {
    state.faults.hang -= 1;
    return;
  }
  send(response, { ...reply, headers: { ...limits.headers, ...reply.headers } });
}

function issueToken(state: State, form: URLSearchParams): Reply {
  const { client } = state.options;
  const known =
    form.get('client_id') === client?.id && form.get('client_secret') === client?.secret;
  if (!client || !known || form.get('grant_type') !== 'client_credentials')
    return { status: 401, body: { error: 'invalid_client' } };
  state.count.tokens += 1;
  const token = `token-${state.count.tokens}`;
  state.tokens.add(token);
  return { status: 200, body: { access_token: token, token_type: 'Bearer', expires_in: 3600 } };
}

function isAllowed(state: State, request: IncomingMessage, url: URL): boolean {
  const { token, client } = state.options;
  if (token === undefined && !client) return true;
  const [scheme, given = ''] = (request.headers.authorization ?? '').split(' ');
  if (scheme === 'Bearer' && state.tokens.has(given)) return true;
  if (token === undefined) return false;
  if (scheme === 'Basic') return Buffer.from(given, 'base64').toString().endsWith(`:${token}`);
  return [given, request.headers['x-api-key'], url.searchParams.get('api_key')].includes(token);
}

function route(state: State, method: string, url: URL, text: string): Reply {
  const { contacts, options } = state;
  const [, collection, name, action] = url.pathname.split('/');
  if (collection !== 'contacts') return { status: 404, body: { message: 'no such path' } };
  if (name === undefined && method === 'GET')
    return listPage(contacts.records.list(), url, options.pageSize ?? 100);
  const body: unknown = text === '' ? {} : JSON.parse(text);
  if (name === undefined && method === 'POST') return contacts.create(body as Fields);
  if (name === 'lookup' && method === 'POST')
    return { status: 200, body: { records: contacts.find((body as { keys: string[] }).keys) } };
  if (name === 'bulk' && method === 'POST') return bulk(state, body as { records: Fields[] });
  if (name === 'atomic' && method === 'POST') return atomic(state, body as { records: Fields[] });
  const key = decodeURIComponent(name ?? '');
  if (action === 'archive' || action === 'restore')
    return contacts.update(key, { archived: action === 'archive' });
  if (method === 'GET') return contacts.get(key);
  if (method === 'PATCH') return contacts.update(key, body as Fields);
  if (method === 'PUT') return contacts.put(key, body as Fields);
  if (method === 'DELETE') return contacts.remove(key);
  return { status: 405, body: { message: 'no such method' } };
}

/** Writes all records or none: one record that is refused makes the whole call fail. */
function atomic(state: State, body: { records: Fields[] }): Reply {
  const { contacts, faults } = state;
  const isBad = (record: Fields): boolean =>
    faults.items.has(String(record[contacts.key])) ||
    Object.values(record).some((value) => contacts.poison.has(String(value)));
  if (body.records.some(isBad)) return { status: 400, body: { message: 'a record is refused' } };
  return bulk(state, body);
}

function bulk(state: State, body: { records: Fields[] }): Reply {
  const { contacts, faults, options } = state;
  const { records } = body;
  if (!Array.isArray(records)) return { status: 400, body: { message: 'records is missing' } };
  if (records.length > (options.bulk ?? 100))
    return { status: 413, body: { message: 'too many records' } };
  const results = records.map((record) => {
    const key = String(record[contacts.key]);
    const fault = faults.items.get(key);
    if (fault !== undefined) return { status: fault, error: { message: 'on purpose' } };
    const isNew = contacts.key === 'id' && record['id'] === undefined;
    const { status, body: answer } = isNew ? contacts.create(record) : contacts.put(key, record);
    return status < 300 ? { status, id: answer['id'] } : { status, error: answer };
  });
  return { status: 200, body: { results } };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}

function send(response: ServerResponse, reply: Reply): void {
  const headers = { 'content-type': 'application/json', ...reply.headers };
  response.writeHead(reply.status, headers);
  response.end(reply.status === 204 ? undefined : JSON.stringify(reply.body ?? {}));
}
