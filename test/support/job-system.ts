import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JsonObject } from '../../src/model/json.ts';
import { JobRecords, type Effect } from './job-records.ts';
import { Jobs, type JobKind, type JobSpec, type JobView } from './job-queue.ts';

/** How the server behaves. */
export interface JobSystemOptions {
  /** Default: any free port. */
  readonly port?: number;
  /** `Authorization: Bearer` must carry it. Default `job-system-token`. */
  readonly token?: string;
  /** How long a job runs, in milliseconds. Default 0: it is done when it is first asked about. */
  readonly jobMs?: number;
  /** A record with this value in any field is refused. Default `refused`. */
  readonly poison?: string;
}

/** A fault to come, as `POST /_faults` takes it. */
export interface JobFault {
  /**
   * `429` and `500`: the call has no effect. `lost`: it is done, and the connection is cut. `slow`: the next jobs that start
   * are running still at their first `polls` polls. `hang`: calls are not answered before `release`, which has no times.
   * `forget`: the jobs there are now are unknown from now on, and what they have not done is never done.
   */
  readonly kind: '429' | '500' | 'lost' | 'slow' | 'hang' | 'release' | 'forget';
  /** How many calls or jobs it befalls. Default 1. */
  readonly times?: number;
  /** How many calls that would befall it are let through before. Default 0. */
  readonly after?: number;
  /** Of `slow`. Default 2. */
  readonly polls?: number;
  /** Of `forget`: which jobs. Default `ingest`. */
  readonly jobs?: JobKind;
}

/** What the server was asked, as `GET /_stats` tells it. */
export interface JobStats {
  readonly calls: number;
  /** Calls answered 429. */
  readonly refused: number;
  readonly created: number;
  readonly updated: number;
  readonly deleted: number;
  readonly maxInFlight: number;
  /** Jobs that were started. */
  readonly jobs: Readonly<Record<JobKind, number>>;
}

/** A running server. */
export interface JobSystem {
  /** Base address, without a slash at the end. */
  readonly url: string;
  readonly token: string;
  readonly records: JobRecords;
  /** Every change, in order. */
  ledger(): readonly Effect[];
  stats(): JobStats;
  fault(fault: JobFault): void;
  close(): Promise<void>;
}

interface Reply {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Request {
  readonly method: string;
  readonly path: readonly string[];
  readonly query: URLSearchParams;
  readonly body: unknown;
}

/**
 * Starts an in-memory system that takes and gives records as long jobs, a bulk API in miniature: an ingest job is created,
 * filled, started, polled, and has a result per record; a query job is created, polled, and read in pages. Everything about
 * it can be asked and told by HTTP, also from other processes: `GET /_ledger`, `GET /_stats`, `POST /_seed
 * {object, records}`, `POST /_faults`, `POST /_reset`.
 */
export async function startJobSystem(options: JobSystemOptions = {}): Promise<JobSystem> {
  const api = new JobApi(options);
  const server = createServer((request, response) => {
    api.serve(request, response).catch((error: unknown) => {
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
    token: api.token,
    records: api.records,
    ledger: () => api.ledger(),
    stats: () => api.stats(),
    fault: (fault) => api.fault(fault),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

class JobApi {
  readonly token: string;
  readonly records: JobRecords;
  readonly #jobs: Jobs;
  #faults: { kind: JobFault['kind']; times: number; after: number }[] = [];
  #count = { calls: 0, refused: 0, maxInFlight: 0 };
  #inFlight = 0;
  #held: (() => void)[] | undefined;

  constructor({ token = 'job-system-token', jobMs = 0, poison = 'refused' }: JobSystemOptions) {
    this.token = token;
    this.records = new JobRecords(poison);
    this.#jobs = new Jobs(this.records, jobMs);
  }

  ledger(): readonly Effect[] {
    this.#jobs.settle();
    return this.records.ledger;
  }

  stats(): JobStats {
    const count = (operation: Effect['operation']) =>
      this.ledger().filter((effect) => effect.operation === operation).length;
    const [created, updated] = [count('create'), count('update')];
    const { started: jobs } = this.#jobs;
    return { ...this.#count, created, updated, deleted: count('delete'), jobs };
  }

  fault({ kind, times = 1, after = 0, polls = 2, jobs = 'ingest' }: JobFault): void {
    if (kind === 'forget') this.#jobs.forget(jobs);
    else if (kind === 'slow') this.#jobs.slow(times, polls);
    else if (kind === 'hang') this.#held ??= [];
    else if (kind === 'release') this.#release();
    else this.#faults.push({ kind, times, after });
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const path = url.pathname.split('/').slice(1).map(decodeURIComponent);
    const text = await bodyOf(request);
    const body: unknown = text === '' ? {} : JSON.parse(text);
    const asked = { method: request.method ?? 'GET', path, query: url.searchParams, body };
    if (path[0]?.startsWith('_') === true) {
      send(response, this.#control(asked));
      return;
    }
    this.#count.calls += 1;
    this.#inFlight += 1;
    this.#count.maxInFlight = Math.max(this.#count.maxInFlight, this.#inFlight);
    response.once('close', () => (this.#inFlight -= 1));
    const held = this.#held;
    if (held) await new Promise<void>((resolve) => held.push(resolve));
    // Whoever asked has gone: nothing is done for it.
    if (request.socket.destroyed) return;
    const reply = this.#answer(asked, request.headers.authorization);
    if (reply === null) request.socket.destroy();
    else send(response, reply);
  }

  /** Null: it was done, and the answer is lost. */
  #answer(request: Request, authorization: string | undefined): Reply | null {
    const fault = this.#nextFault();
    if (fault === '429') {
      this.#count.refused += 1;
      return { status: 429, body: { message: 'too many calls' }, headers: { 'retry-after': '0' } };
    }
    if (fault === '500') return { status: 500, body: { message: 'failed on purpose' } };
    if (authorization !== `Bearer ${this.token}`)
      return { status: 401, body: { message: 'no access' } };
    this.#jobs.settle();
    const reply = this.#route(request);
    return fault === 'lost' ? null : reply;
  }

  #nextFault(): JobFault['kind'] | undefined {
    const [fault] = this.#faults;
    if (fault === undefined) return undefined;
    if (fault.after > 0) {
      fault.after -= 1;
      return undefined;
    }
    fault.times -= 1;
    if (fault.times <= 0) this.#faults.shift();
    return fault.kind;
  }

  #control({ path, body }: Request): Reply {
    if (path[0] === '_ledger') return { status: 200, body: this.ledger() };
    if (path[0] === '_stats') return { status: 200, body: this.stats() };
    if (path[0] === '_seed') {
      const { object, records } = body as { object: string; records: JsonObject[] };
      this.records.seed(object, records);
    } else if (path[0] === '_faults') this.fault(body as JobFault);
    else if (path[0] === '_reset') this.#reset();
    else return notFound;
    return { status: 204 };
  }

  #reset(): void {
    this.#release();
    this.records.clear();
    this.#jobs.clear();
    this.#faults = [];
    this.#count = { calls: 0, refused: 0, maxInFlight: 0 };
  }

  #release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const release of held) release();
  }

  #route(request: Request): Reply {
    const [first, second] = request.path;
    if (first === 'objects') return { status: 200, body: this.records.describe() };
    if (first === 'records' && second !== undefined) return this.#recordsOf(second, request);
    if (first === 'jobs' && (second === 'ingest' || second === 'query'))
      return this.#job(second, request);
    return notFound;
  }

  #recordsOf(object: string, { method, query, body }: Request): Reply {
    if (!this.records.knows(object)) return notFound;
    if (method === 'POST') {
      const { field, values } = body as { field: string; values: string[] };
      return { status: 200, body: this.records.find(object, field, values) };
    }
    const highest = query.get('highest');
    if (highest !== null) return { status: 200, body: this.records.highest(object, highest) };
    const from = Number(query.get('from') ?? 0);
    const page = this.records.present(object).slice(from, from + 100);
    return { status: 200, body: { records: page, next: page.length < 100 ? null : from + 100 } };
  }

  #job(kind: JobKind, { method, path, query, body }: Request): Reply {
    const [, , id, part] = path;
    if (id === undefined && method === 'POST') {
      const spec = body as JobSpec;
      if (!this.records.knows(spec.object)) return notFound;
      return { status: 201, body: this.#jobs.create(kind, spec) };
    }
    if (id === undefined) {
      const jobs = this.#jobs.named(kind, query.get('name') ?? '');
      return { status: 200, body: { jobs } };
    }
    const job = this.#jobs.get(kind, id);
    if (job === undefined) return notFound;
    if (part === 'batches' && method === 'PUT')
      return changed(this.#jobs.fill(job.id, body as JsonObject[]));
    if (part === 'results') return this.#results(job, query);
    if (method === 'PATCH')
      return changed(this.#jobs.move(job.id, (body as { state: JobView['state'] }).state));
    return { status: 200, body: this.#jobs.poll(job.id) };
  }

  #results({ id, state }: JobView, query: URLSearchParams): Reply {
    if (state !== 'JobComplete') return conflict;
    const from = Number(query.get('locator') ?? 0);
    const most = Number(query.get('maxRecords') ?? Number.POSITIVE_INFINITY);
    const all = this.#jobs.results(id);
    const next = from + most < all.length ? String(from + most) : null;
    return { status: 200, body: { records: all.slice(from, from + most), locator: next } };
  }
}

const notFound: Reply = { status: 404, body: { message: 'there is no such thing' } };
const conflict: Reply = { status: 409, body: { message: 'the job is in another state' } };

function changed(job: JobView | null): Reply {
  return job === null ? conflict : { status: 200, body: job };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}

function send(response: ServerResponse, reply: Reply): void {
  response.writeHead(reply.status, { 'content-type': 'application/json', ...reply.headers });
  response.end(reply.status === 204 ? undefined : JSON.stringify(reply.body ?? {}));
}
