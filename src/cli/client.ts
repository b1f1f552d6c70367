import type { RecordErrorView } from '../api/record-error-view.ts';
import type { RunView } from '../api/run-view.ts';
import type { CheckResult, ConnectionInput, ConnectionView, PutResult } from '../api/services.ts';
import type { SyncJson } from '../api/sync-view.ts';
import type { RunOptions } from '../model/run.ts';
import type { StreamInfo } from '../model/stream.ts';
import type { SyncSpec } from '../model/sync.ts';
import { followEvents } from './follow-events.ts';
import { createTransport, type Transport } from './transport.ts';

/** The HTTP API, call by call. Every call throws `ApiError`. */
export interface Client {
  readonly runs: RunCalls;
  readonly syncs: SyncCalls;
  readonly connections: ConnectionCalls;
}

/** Calls of runs. */
export interface RunCalls {
  /** @throws ApiError 409 with `run`, the open run */
  start(sync: string, options?: Omit<RunOptions, 'retryOf'>): Promise<RunView>;
  get(id: string): Promise<RunView>;
  list(filter?: {
    sync?: string;
    entity?: string;
    status?: string;
    limit?: number;
    after?: string;
  }): Promise<{ runs: RunView[]; next: string | null }>;
  errors(
    id: string,
    page?: { limit?: number; after?: string },
  ): Promise<{ errors: RecordErrorView[]; next: string | null }>;
  /** The run whenever it changed, at last as it ended. Goes on after a lost connection. */
  follow(id: string, signal?: AbortSignal): AsyncIterable<RunView>;
  act(id: string, action: RunAction): Promise<RunView>;
}

/** What can be asked of a run. `retry-errors` answers with a new run. */
export type RunAction = 'pause' | 'resume' | 'cancel' | 'approve' | 'retry-errors';

/** Calls of syncs. */
export interface SyncCalls {
  list(): Promise<SyncJson[]>;
  get(id: string): Promise<SyncJson>;
  put(id: string, spec: SyncSpec): Promise<PutResult>;
  remove(id: string): Promise<void>;
}

/** Calls of connections. */
export interface ConnectionCalls {
  list(): Promise<ConnectionView[]>;
  get(id: string): Promise<ConnectionView>;
  put(id: string, connection: ConnectionInput): Promise<PutResult>;
  remove(id: string): Promise<void>;
  check(id: string): Promise<CheckResult>;
  streams(id: string): Promise<StreamInfo[]>;
}

/** A client of the server at `url`. */
export function createClient(url: string, token?: string): Client {
  const send = createTransport(url, token);
  return { runs: runCalls(send), syncs: syncCalls(send), connections: connectionCalls(send) };
}

function runCalls(send: Transport): RunCalls {
  return {
    start: (sync, { continueOf, ...options } = {}) => {
      const body = continueOf === undefined ? options : { ...options, continue: continueOf };
      return read(send({ method: 'POST', path: `${syncPath(sync)}/runs`, body }));
    },
    get: (id) => read(send({ path: runPath(id) })),
    list: (query = {}) => read(send({ path: '/v1/runs', query })),
    errors: (id, query = {}) => read(send({ path: `${runPath(id)}/errors`, query })),
    follow: (id, signal) =>
      followEvents(() => send({ path: `${runPath(id)}/events`, signal }), signal),
    act: (id, action) => read(send({ method: 'POST', path: `${runPath(id)}/${action}` })),
  };
}

function syncCalls(send: Transport): SyncCalls {
  return {
    list: async () => (await read<{ syncs: SyncJson[] }>(send({ path: '/v1/syncs' }))).syncs,
    get: (id) => read(send({ path: syncPath(id) })),
    put: (id, body) => put(send, syncPath(id), body),
    remove: async (id) => void (await send({ method: 'DELETE', path: syncPath(id) })),
  };
}

function connectionCalls(send: Transport): ConnectionCalls {
  return {
    list: async () => {
      const answer = send({ path: '/v1/connections' });
      return (await read<{ connections: ConnectionView[] }>(answer)).connections;
    },
    get: (id) => read(send({ path: connectionPath(id) })),
    put: (id, body) => put(send, connectionPath(id), body),
    remove: async (id) => void (await send({ method: 'DELETE', path: connectionPath(id) })),
    check: (id) => read(send({ method: 'POST', path: `${connectionPath(id)}/check` })),
    streams: async (id) =>
      (await read<{ streams: StreamInfo[] }>(send({ path: `${connectionPath(id)}/streams` })))
        .streams,
  };
}

function runPath(id: string): string {
  return `/v1/runs/${encodeURIComponent(id)}`;
}

function syncPath(id: string): string {
  return `/v1/syncs/${encodeURIComponent(id)}`;
}

function connectionPath(id: string): string {
  return `/v1/connections/${encodeURIComponent(id)}`;
}

async function put(send: Transport, path: string, body: unknown): Promise<PutResult> {
  const response = await send({ method: 'PUT', path, body });
  // Read to the end, so that the socket can be used again.
  await response.text();
  return response.status === 201 ? 'created' : 'replaced';
}

// The server is of the same version, and checks what it sends by its own types.
async function read<T>(answer: Promise<Response>): Promise<T> {
  return (await (await answer).json()) as T;
}
