import { entitySchema } from '../../model/entity.ts';
import type { FieldOrigin } from '../../model/field-origin.ts';
import { noStats } from '../../model/outcome.ts';
import type { RecordError } from '../../model/outcome.ts';
import { isOver, type Run } from '../../model/run.ts';
import { syncSchema } from '../../model/sync.ts';
import { notFound, cycleIsOpen, runIsOpen, runIsOver } from '../http/problem.ts';
import type {
  ConnectionView,
  DuplicateGroup,
  EntityView,
  GoldenView,
  Readiness,
  Services,
  StoredEntry,
  SyncView,
} from '../services.ts';

/** Services that keep everything in memory; tests can read and change what they store. */
export interface MemoryServices extends Services {
  readonly stored: {
    readiness: Readiness;
    readonly syncs: Map<string, SyncView>;
    readonly connections: Map<string, ConnectionView>;
    readonly runs: Map<string, Run>;
    errors: RecordError[];
    readonly entities: Map<string, EntityView>;
    records: GoldenView[];
    entries: StoredEntry[];
    groups: DuplicateGroup[];
    origins: Record<string, FieldOrigin>;
    /** An error that every call of syncs throws, when set. */
    failure: unknown;
  };
}

/** A sync that fits its schema, as a client would send it. */
export const exampleSync = {
  source: { connection: 'shop', stream: 'public.customers', key: 'email' },
  destination: { connection: 'crm', stream: 'public.contacts', key: 'email' },
  mode: 'upsert',
} as const;

/** An entity that fits its schema, as a client would send it. */
export const exampleEntity = {
  fields: { name: 'text' },
  sources: {
    shop: {
      source: { connection: 'shop', stream: 'customers', id: 'id', watermark: 'at' },
      fields: { name: 'name' },
    },
  },
  destinations: {
    crm: { destination: { connection: 'crm', stream: 'contacts', key: 'name' }, mode: 'upsert' },
  },
} as const;

/** Returns a run that has just begun, with these changes. */
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
    warnings: [],
    failure: null,
    ...changes,
  };
}

/** Returns services with one sync, `customers`, one connection, `shop`, and one entity, `account`. */
export function memoryServices(): MemoryServices {
  const stored: MemoryServices['stored'] = {
    readiness: { temporal: true, database: true, worker: true },
    syncs: new Map([
      ['customers', { id: 'customers', ...syncSchema.parse(exampleSync), scheduleState: null }],
    ]),
    connections: new Map([['shop', { id: 'shop', type: 'postgres' }]]),
    runs: new Map(),
    errors: [],
    entities: new Map([
      ['account', { id: 'account', ...entitySchema.parse(exampleEntity), scheduleState: null }],
    ]),
    records: [],
    entries: [],
    groups: [],
    origins: {},
    failure: undefined,
  };
  return {
    stored,
    ready: async () => stored.readiness,
    syncs: memorySyncs(stored),
    connections: memoryConnections(stored),
    runs: memoryRuns(stored),
    entities: memoryEntities(stored),
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
    if (isOver(before.status)) throw runIsOver(before);
    const run = { ...before, ...changes };
    stored.runs.set(id, run);
    return run;
  };
  const start: Services['runs']['start'] = async (sync, options) => {
    if (!stored.syncs.has(sync)) throw notFound('sync', sync);
    const open = [...stored.runs.values()].find((run) => run.finishedAt === null);
    if (open !== undefined) throw runIsOpen(sync, open.id);
    const run = exampleRun({ id: `r${stored.runs.size + 1}`, sync, options, status: 'pending' });
    stored.runs.set(run.id, run);
    return run;
  };
  return {
    start,
    get: async (id) => stored.runs.get(id) ?? null,
    getStored: async (id) => stored.runs.get(id) ?? null,
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

function memoryEntities(stored: MemoryServices['stored']): Services['entities'] {
  return {
    list: async () => [...stored.entities.values()],
    get: async (id) => stored.entities.get(id) ?? null,
    put: async (id, spec) => {
      const result = stored.entities.has(id) ? 'replaced' : 'created';
      stored.entities.set(id, { id, ...spec, scheduleState: null });
      return result;
    },
    remove: async (id) => stored.entities.delete(id),
    start: async (entity, options) => {
      if (!stored.entities.has(entity)) throw notFound('entity', entity);
      const open = [...stored.runs.values()].find((run) => run.finishedAt === null);
      if (open !== undefined) throw cycleIsOpen(entity, open.id);
      const cycle = { entity, stages: [], more: false, missing: [], children: [] };
      const id = `r${stored.runs.size + 1}`;
      const run = exampleRun({ id, sync: null, mode: null, cycle, options, status: 'pending' });
      stored.runs.set(id, run);
      return run;
    },
    records: async (_, { limit }) => ({
      records: stored.records.slice(0, limit),
      next: stored.records.length > limit ? (stored.records[limit - 1]?.id ?? null) : null,
    }),
    record: async (_, id) => stored.records.find((record) => record.id === id) ?? null,
    origins: async () => stored.origins,
    setField: async (_, id, { field, value }) => {
      stored.records = stored.records.map((record) =>
        record.id === id ? { ...record, values: { ...record.values, [field]: value } } : record,
      );
    },
    takeBackField: async (_, id, field) => {
      if (stored.records.every((record) => record.id !== id)) throw notFound('record', id);
      stored.records = stored.records.map(
        ({ values: { [field]: _gone, ...values }, ...record }) => ({
          ...record,
          values,
        }),
      );
    },
    erase: async (_, id) => {
      const before = stored.records.length;
      stored.records = stored.records.filter((record) => record.id !== id);
      return stored.records.length < before;
    },
    history: async (_, record, { limit }) =>
      pageOf(
        stored.entries.filter((entry) => entry.record === record),
        limit,
      ),
    changes: async (_, cycle, { limit }) =>
      pageOf(
        stored.entries.filter((entry) => entry.cycle === cycle),
        limit,
      ),
    lag: async (id) =>
      Object.fromEntries(
        Object.keys(stored.entities.get(id)?.destinations ?? {}).map((name) => [
          name,
          { records: 3, refused: 0, seconds: 1.5, watermark: '7' },
        ]),
      ),
    duplicates: async () => stored.groups,
  };
}

function pageOf(entries: StoredEntry[], limit: number) {
  const next = entries.length > limit ? String(entries[limit - 1]?.cycle) : null;
  return { entries: entries.slice(0, limit), next };
}
