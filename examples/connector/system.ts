import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A guest as the system keeps it: `code`, `name`, `note`, and `changed`, its own stamp of the last change. */
export type Guest = Readonly<Record<string, string | null | undefined>>;

/** A running guest list. */
export interface GuestSystem {
  readonly url: string;
  /** The guests that the system holds, by code. */
  readonly guests: Map<string, Guest>;
  /** Calls that were answered, and calls that were refused for being one too many. */
  readonly calls: { answered: number; limited: number };
  close(): Promise<void>;
}

/** A status, and what the body says. */
type Reply = readonly [status: number, body?: object];

/**
 * Starts a small system on a free port of 127.0.0.1: a guest list with paging, search by code, create, update, delete,
 * a token, and a quota that it enforces.
 * @param perSecond calls that it answers within a second; others get 429
 */
export async function startGuestSystem(token: string, perSecond = 20): Promise<GuestSystem> {
  const guests = new Map<string, Guest>();
  const calls = { answered: 0, limited: 0 };
  const answered = new Map<string, Reply>();
  let recent: number[] = [];

  function reply(request: IncomingMessage, query: URLSearchParams, body: Guest): Reply {
    if (request.headers.authorization !== `Bearer ${token}`) return [401];
    const now = Date.now();
    recent = recent.filter((at) => at > now - 1000);
    const limited = recent.length >= perSecond;
    calls[limited ? 'limited' : 'answered'] += 1;
    if (limited) return [429];
    recent.push(now);
    if (request.method === 'GET') return list(query);
    if (request.method === 'POST') {
      // A create that is sent again, with the same key, is done once and answered as before.
      const key = String(request.headers['idempotency-key']);
      const answer = answered.get(key) ?? create(body);
      answered.set(key, answer);
      return answer;
    }
    const code = query.get('code') ?? '';
    const guest = guests.get(code);
    if (guest === undefined) return [404, { message: 'no such guest' }];
    if (request.method === 'PATCH') return keep({ ...guest, ...body });
    guests.delete(code);
    return [200];
  }

  function list(query: URLSearchParams): Reply {
    const codes = JSON.parse(query.get('codes') ?? '[]') as unknown[];
    const [after, since, until] = ['after', 'since', 'until'].map((name) => query.get(name) ?? '');
    const found = [...guests]
      .filter(([code]) => code > (after ?? '') && (codes.length === 0 || codes.includes(code)))
      .filter(([, { changed }]) => (changed ?? '') >= (since ?? ''))
      .filter(([, { changed }]) => !until || (changed ?? '') <= until)
      .toSorted(([a], [b]) => (a < b ? -1 : 1));
    const page = found.slice(0, Math.min(Number(query.get('limit') ?? 100), 100));
    const next = page.length < found.length ? page.at(-1)?.[0] : null;
    const now = new Date().toISOString();
    return [200, { guests: page.map(([, guest]) => guest), next, now }];
  }

  function create(guest: Guest): Reply {
    if (!guest['code']) return [422, { message: 'is needed', field: 'code' }];
    if (guests.has(guest['code'])) return [409, { message: 'is taken', field: 'code' }];
    return keep(guest);
  }

  function keep(guest: Guest): Reply {
    const unknown = Object.keys(guest).find((name) => !/^(code|name|note|changed)$/.test(name));
    if (unknown !== undefined) return [422, { message: 'is no field', field: unknown }];
    if ((guest['name']?.length ?? 0) > 40) return [422, { message: 'is too long', field: 'name' }];
    guests.set(guest['code'] ?? '', { ...guest, changed: new Date().toISOString() });
    return [200];
  }

  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'http://system');
    void answer();
    async function answer(): Promise<void> {
      const [status, body = {}] = reply(request, searchParams, await readBody(request));
      response.writeHead(status, { ...(status === 429 && { 'retry-after': '1' }) });
      response.end(JSON.stringify(body));
    }
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const close = (): Promise<void> =>
    new Promise((closed) => {
      server.close(() => closed());
      server.closeAllConnections();
    });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, guests, calls, close };
}

async function readBody(request: IncomingMessage): Promise<Guest> {
  let text = '';
  for await (const part of request) text += String(part);
  return JSON.parse(text || '{}') as Guest;
}
