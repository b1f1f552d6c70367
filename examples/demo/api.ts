import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SlidingWindow } from '../../test/support/sliding-window.ts';

/** Calls that the API allows per window; the same numbers as in sluice.yaml. */
export const quota = { requests: 40, perMs: 1000 } as const;

/** Most records in one bulk call, and most keys in one lookup. */
const most = { bulk: 100, lookup: 1000 } as const;
const latencyMs = 20;

/** A city as the API keeps it. */
export type City = Readonly<Record<string, unknown>> & { readonly id: number };

/** The calls that the API has seen, counted by the API and not by Sluice. */
export interface Ledger {
  /** Cities by id. */
  readonly cities: ReadonlyMap<number, City>;
  /** The number of times that each city was written. */
  readonly writes: ReadonlyMap<number, number>;
  /** When each call within the quota came (epoch milliseconds). */
  readonly calls: readonly number[];
  /** Calls answered 429. */
  readonly limited: number;
  /** Bulk calls known by their idempotency key: answered again, not done again. */
  readonly repeats: number;
}

/** A running API. */
export interface CityApi {
  readonly url: string;
  readonly ledger: Ledger;
  close(): Promise<void>;
}

interface Reply {
  readonly status: number;
  readonly body: unknown;
}

/** Starts the API on a free port of 127.0.0.1: bulk upsert and lookup of cities within a strict quota. */
export async function startCityApi(): Promise<CityApi> {
  const service = new CityService();
  const server = createServer((request, response) => {
    answer(service, request, response).catch(() =>
      send(response, { status: 400, body: { message: 'not understood' } }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    ledger: service,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

class CityService implements Ledger {
  readonly cities = new Map<number, City>();
  readonly writes = new Map<number, number>();
  readonly calls: number[] = [];
  limited = 0;
  repeats = 0;
  readonly #window = new SlidingWindow(quota.requests, quota.perMs);
  readonly #answered = new Map<string, Reply>();

  /** Milliseconds to wait for a call that is one too many; undefined for one within the quota. */
  admit(): number | undefined {
    const now = Date.now();
    const { allowed, waitMs } = this.#window.take(now);
    if (allowed) this.calls.push(now);
    else this.limited += 1;
    return allowed ? undefined : waitMs;
  }

  upsert(cities: readonly City[], idempotencyKey: string): Reply {
    if (cities.length > most.bulk) return tooMany;
    const before = this.#answered.get(idempotencyKey);
    if (before) {
      this.repeats += 1;
      return before;
    }
    const reply = { status: 200, body: { results: cities.map((city) => this.#put(city)) } };
    if (idempotencyKey !== '') this.#answered.set(idempotencyKey, reply);
    return reply;
  }

  find(ids: readonly number[]): Reply {
    if (ids.length > most.lookup) return tooMany;
    return { status: 200, body: { cities: ids.flatMap((id) => this.cities.get(id) ?? []) } };
  }

  #put(city: City): { status: number } {
    const status = this.cities.has(city.id) ? 200 : 201;
    this.cities.set(city.id, city);
    this.writes.set(city.id, (this.writes.get(city.id) ?? 0) + 1);
    return { status };
  }
}

const tooMany: Reply = { status: 413, body: { message: 'too many records in one call' } };

async function answer(
  service: CityService,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const waitMs = service.admit();
  const text = await textOf(request);
  if (waitMs !== undefined) {
    response.setHeader('retry-after', Math.ceil(waitMs / 1000));
    return send(response, { status: 429, body: { message: 'too many calls' } });
  }
  const reply = route(service, request, text);
  await new Promise((resolve) => setTimeout(resolve, latencyMs));
  send(response, reply);
}

function route(service: CityService, { url, headers }: IncomingMessage, text: string): Reply {
  if (url === '/cities/lookup') return service.find((JSON.parse(text) as { ids: number[] }).ids);
  if (url !== '/cities/bulk-upsert') return { status: 404, body: { message: 'no such path' } };
  const { cities } = JSON.parse(text) as { cities: City[] };
  return service.upsert(cities, String(headers['idempotency-key'] ?? ''));
}

async function textOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}

function send(response: ServerResponse, { status, body }: Reply): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
