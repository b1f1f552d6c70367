import type { EntityJson } from '../api/views/entity-view.ts';
import type { EntryJson, GoldenJson } from '../api/views/golden-view.ts';
import type { OriginJson } from '../api/views/origin-view.ts';
import type { RecordErrorView } from '../api/views/record-error-view.ts';
import type { RunView } from '../api/views/run-view.ts';
import type {
  CheckResult,
  ConnectionInput,
  ConnectionView,
  CycleOptions,
  DestinationLag,
  PutResult,
} from '../api/services.ts';
import type { SyncJson } from '../api/views/sync-view.ts';
import type { EntitySpec } from '../model/entity.ts';
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
  readonly entities: EntityCalls;
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
  /** Yields the run whenever it changed, and last as it ended. Reconnects after a lost connection. */
  follow(id: string, signal?: AbortSignal): AsyncIterable<RunView>;
  act(id: string, action: RunAction): Promise<RunView>;
}

/** The actions on a run. `retry-errors` answers with a new run. */
export type RunAction = 'pause' | 'resume' | 'cancel' | 'approve' | 'retry-errors';

/** Calls of syncs. */
export interface SyncCalls {
  list(): Promise<SyncJson[]>;
  get(id: string): Promise<SyncJson>;
  put(id: string, spec: SyncSpec): Promise<PutResult>;
  remove(id: string): Promise<void>;
}

/** Calls of entities and their records. */
export interface EntityCalls {
  list(): Promise<EntityJson[]>;
  get(id: string): Promise<EntityJson>;
  put(id: string, spec: EntitySpec): Promise<PutResult>;
  remove(id: string): Promise<void>;
  /**
   * Starts a cycle.
   * @throws ApiError 409 with `run`, the open cycle
   */
  start(id: string, options?: CycleOptions): Promise<RunView>;
  records(
    id: string,
    query?: { limit?: number; after?: string; where?: string; deleted?: 'true' },
  ): Promise<{ records: GoldenJson[]; next: string | null }>;
  record(id: string, record: string): Promise<GoldenJson>;
  /** Returns the record with the origin of each field. */
  origins(id: string, record: string): Promise<GoldenJson & { provenance: OriginsJson }>;
  erase(id: string, record: string): Promise<void>;
  history(
    id: string,
    record: string,
    page?: { limit?: number; after?: string },
  ): Promise<{ entries: EntryJson[]; next: string | null }>;
  lag(id: string): Promise<Record<string, DestinationLag>>;
  duplicates(id: string): Promise<DuplicatesJson[]>;
}

/** The origin of each field that is set. */
export type OriginsJson = Readonly<Record<string, OriginJson>>;

/** A group of records that look like duplicates and were not merged. */
export interface DuplicatesJson {
  readonly records: readonly string[];
  readonly reason: string;
  readonly cycle: number;
  readonly at: string;
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

/** Creates a client of the server at `url`. */
export function createClient(url: string, token?: string): Client {
  const send = createTransport(url, token);
  return {
    runs: runCalls(send),
    syncs: syncCalls(send),
    connections: connectionCalls(send),
    entities: entityCalls(send),
  };
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

function entityCalls(send: Transport): EntityCalls {
  return {
    list: async () =>
      (await read<{ entities: EntityJson[] }>(send({ path: '/v1/entities' }))).entities,
    get: (id) => read(send({ path: entityPath(id) })),
    put: (id, body) => put(send, entityPath(id), body),
    remove: async (id) => void (await send({ method: 'DELETE', path: entityPath(id) })),
    start: (id, body = {}) => read(send({ method: 'POST', path: `${entityPath(id)}/runs`, body })),
    records: (id, query = {}) => read(send({ path: `${entityPath(id)}/records`, query })),
    record: (id, record) => read(send({ path: recordPath(id, record) })),
    origins: (id, record) =>
      read(send({ path: recordPath(id, record), query: { provenance: 'true' } })),
    erase: async (id, record) =>
      void (await send({ method: 'DELETE', path: recordPath(id, record) })),
    history: (id, record, query = {}) =>
      read(send({ path: `${recordPath(id, record)}/history`, query })),
    lag: async (id) =>
      (
        await read<{ destinations: Record<string, DestinationLag> }>(
          send({ path: `${entityPath(id)}/lag` }),
        )
      ).destinations,
    duplicates: async (id) =>
      (await read<{ groups: DuplicatesJson[] }>(send({ path: `${entityPath(id)}/duplicates` })))
        .groups,
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

function entityPath(id: string): string {
  return `/v1/entities/${encodeURIComponent(id)}`;
}

function recordPath(entity: string, record: string): string {
  return `${entityPath(entity)}/records/${encodeURIComponent(record)}`;
}

function connectionPath(id: string): string {
  return `/v1/connections/${encodeURIComponent(id)}`;
}

async function put(send: Transport, path: string, body: unknown): Promise<PutResult> {
  const response = await send({ method: 'PUT', path, body });
  // Read to the end, so that the socket can be reused.
  await response.text();
  return response.status === 201 ? 'created' : 'replaced';
}

// The answer is not checked: the server is of the same version and types its answers itself.
async function read<T>(answer: Promise<Response>): Promise<T> {
  return (await (await answer).json()) as T;
}
