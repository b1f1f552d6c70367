import { noStats } from '../../model/outcome.ts';
import type { RecordError } from '../../model/outcome.ts';
import { isOver, type Run } from '../../model/run.ts';
import { syncSchema } from '../../model/sync.ts';
import { notFound, openRun, runOver } from '../problem.ts';
import type { ConnectionView, Readiness, Services, SyncView } from '../services.ts';

/** Services that keep everything in memory, with their insides open to tests. */
export interface MemoryServices extends Services {
  readonly stored: {
    readiness: Readiness;
    readonly syncs: Map<string, SyncView>;
    readonly connections: Map<string, ConnectionView>;
    readonly runs: Map<string, Run>;
    errors: RecordError[];
    /** Thrown by every call of syncs, when set. */
    failure: unknown;
  };
}

/** A sync that fits its schema, as a client would send it. */
export const exampleSync = {
  source: { connection: 'shop', stream: 'public.customers', key: 'email' },
  destination: { connection: 'crm', stream: 'public.contacts', key: 'email' },
  mode: 'upsert',
} as const;

/** A run that has just begun, with changes. */
export function exampleRun(changes: Partial<Run> = {}): Run {
  return {
    id: 'r1',
    sync: 'customers',
    mode: 'upsert',
    cycle: null,
    parent: null,
    options: {},
    status: 'running',
    phase: 'sync',
    outcome: null,
    stats: noStats,
    watermark: null,
    startedAt: new Date('2026-01-02T03:04:05Z'),
    finishedAt: null,
    waitingUntil: null,
    removal: null,
    failure: null,
    ...changes,
  };
}

/** Services with one sync, `customers`, and one connection, `shop`. */
export function memoryServices(): MemoryServices {
  const stored: MemoryServices['stored'] = {
    readiness: { temporal: true, database: true, worker: true },
    syncs: new Map([
      ['customers', { id: 'customers', ...syncSchema.parse(exampleSync), scheduleState: null }],
    ]),
    connections: new Map([['shop', { id: 'shop', type: 'postgres' }]]),
    runs: new Map(),
    errors: [],
    failure: undefined,
  };
  return {
    stored,
    ready: async () => stored.readiness,
    syncs: memorySyncs(stored),
    connections: memoryConnections(stored),
    runs: memoryRuns(stored),
  };
}

function memorySyncs(stored: MemoryServices['stored']): Services['syncs'] {
  return {
    list: async () => {
      if (stored.failure !== undefined) throw stored.failure;
      return [...stored.syncs.values()];
    },
    get: async (id) => stored.syncs.get(id) ?? null,
    put: async (id, spec) => {
      if (stored.failure !== undefined) throw stored.failure;
      const result = stored.syncs.has(id) ? 'replaced' : 'created';
      stored.syncs.set(id, { id, ...spec, scheduleState: null });
      return result;
    },
    remove: async (id) => stored.syncs.delete(id),
  };
}

function memoryConnections(stored: MemoryServices['stored']): Services['connections'] {
  return {
    list: async () => [...stored.connections.values()],
    get: async (id) => stored.connections.get(id) ?? null,
    put: async (id, { type }) => {
      const result = stored.connections.has(id) ? 'replaced' : 'created';
      stored.connections.set(id, { id, type });
      return result;
    },
    remove: async (id) => stored.connections.delete(id),
    check: async () => ({ ok: false, code: 'credentials', message: 'Wrong password.' }),
    streams: async () => [
      { name: 'public.customers', fields: [{ name: 'id', type: 'integer' }], primaryKey: ['id'] },
    ],
  };
}

function memoryRuns(stored: MemoryServices['stored']): Services['runs'] {
  const change = (id: string, changes: Partial<Run>): Run => {
    const before = stored.runs.get(id);
    if (before === undefined) throw notFound('run', id);
    if (isOver(before.status)) throw runOver(before);
    const run = { ...before, ...changes };
    stored.runs.set(id, run);
    return run;
  };
  const start: Services['runs']['start'] = async (sync, options) => {
    if (!stored.syncs.has(sync)) throw notFound('sync', sync);
    const open = [...stored.runs.values()].find((run) => run.finishedAt === null);
    if (open !== undefined) throw openRun(sync, open.id);
    const run = exampleRun({ id: `r${stored.runs.size + 1}`, sync, options, status: 'pending' });
    stored.runs.set(run.id, run);
    return run;
  };
  return {
    start,
    get: async (id) => stored.runs.get(id) ?? null,
    glance: async (id) => stored.runs.get(id) ?? null,
    preview: async () => null,
    children: async (runs) => {
      const ids = runs.flatMap(({ cycle }) => cycle?.children ?? []);
      return ids.flatMap((id) => stored.runs.get(id) ?? []);
    },
    list: async ({ limit, status, entity }) => {
      const all = [...stored.runs.values()].filter(
        (run) =>
          (status === undefined || run.status === status) &&
          (entity === undefined || run.cycle?.entity === entity),
      );
      const next = all.length > limit ? (all[limit - 1]?.id ?? null) : null;
      return { runs: all.slice(0, limit), next };
    },
    errors: async (_, { limit }) => ({ errors: stored.errors.slice(0, limit), next: null }),
    pause: async (id) => change(id, { status: 'paused' }),
    resume: async (id) => change(id, { status: 'running' }),
    cancel: async (id) => change(id, { status: 'cancelled', finishedAt: new Date() }),
    approve: async (id) => change(id, { status: 'running', removal: null }),
    retryErrors: async (id) => start('customers', { retryOf: id }),
  };
}
