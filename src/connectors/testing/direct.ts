import { abortedByEither } from '../../model/abort.ts';
import type { JsonObject } from '../../model/json.ts';
import type { KeyValues, RecordBatch } from '../../model/record.ts';
import type { StreamInfo } from '../../model/stream.ts';
import { unlimited, unlimitedUntil, type Calls, type Send, type Wire } from '../contract/calls.ts';
import type { Connection, Connector } from '../contract/connector.ts';
import type { Destination } from '../contract/destination.ts';
import type { Target } from '../contract/target.ts';
import { noMemory, type Memory } from '../contract/memory.ts';
import type { Page, PageRequest } from '../contract/page.ts';
import type {
  Existing,
  RecordDestination,
  WriteOperation,
  WriteResult,
} from '../contract/records.ts';
import type { Source, SourceRequest } from '../contract/source.ts';
import type { StagingDestination } from '../contract/staging.ts';

/** The things that delay or stop a direct write. */
interface DirectWrite {
  /** Is called before each call. */
  readonly beforeSend?: () => Promise<void>;
  readonly signal?: AbortSignal;
  readonly chunk?: number;
}

/** Methods whose last parameter, the calls, is bound. */
type Bound<T> = {
  readonly [K in keyof T]: T[K] extends ((...args: infer A) => infer R) | undefined
    ? A extends [...infer Given, Calls]
      ? (...args: [...Given, signal?: AbortSignal]) => R
      : T[K]
    : T[K];
};

/** A source that makes its calls at once. */
export interface DirectSource extends Omit<Bound<Source>, 'read' | 'lookup'> {
  read(request: PageRequest & { readonly signal?: AbortSignal }): Promise<Page>;
  lookup?(
    keyFields: readonly string[],
    keys: readonly KeyValues[],
    fields: readonly string[],
    rest?: boolean,
  ): Promise<RecordBatch>;
}

/** A destination of records that makes its calls at once. */
export interface DirectRecords extends Omit<Bound<RecordDestination>, 'lookup' | 'write'> {
  lookup?(keys: readonly KeyValues[], values?: readonly JsonObject[]): Promise<Existing[]>;
  write(operations: readonly WriteOperation[], options?: DirectWrite): Promise<WriteResult[]>;
}

/** A staging destination that makes its calls at once. */
export interface DirectStaging extends Omit<Bound<StagingDestination>, 'apply' | 'cleanUp'> {
  apply(
    chunk: Parameters<StagingDestination['apply']>[0],
    layout: Parameters<StagingDestination['apply']>[1],
    options: { dryRun: boolean; signal?: AbortSignal },
  ): ReturnType<StagingDestination['apply']>;
  cleanUp(run: string, options?: { keepSeen?: boolean }): Promise<void>;
}

/** An open destination that makes its calls at once. */
export type DirectDestination = DirectRecords | DirectStaging;

/** A connection of a test, which makes its calls at once: no quota, no fence. */
export interface DirectConnection {
  check(): Promise<void>;
  discover(): Promise<StreamInfo[]>;
  source(request: SourceRequest): Promise<DirectSource>;
  destination(target: Target): Promise<DirectDestination>;
  close(): Promise<void>;
}

/** Connects without a runtime. */
export function connectDirectly<S>(
  { connect, source, destination }: Connector<S>,
  settings: S,
  { connection = 'test', memory = noMemory, calls = unlimited }: DirectOptions = {},
): DirectConnection {
  const link: Connection = connect(settings, { connection, memory });
  return {
    check: () => link.check(calls),
    discover: () => link.discover(calls),
    async source(request) {
      if (source === undefined) throw new Error('it cannot be a source');
      return directSource(await source.open(link, request, calls), calls);
    },
    async destination(target) {
      if (destination === undefined) throw new Error('it cannot be a destination');
      return directDestination(await destination.open(link, target, calls), calls);
    },
    close: () => link.close(),
  };
}

interface DirectOptions {
  readonly connection?: string;
  readonly memory?: Memory;
  readonly calls?: Calls;
}

function directSource(source: Source, calls: Calls): DirectSource {
  const { highWatermark, settled, lookup } = source;
  const direct = {
    ...valuesOf(source),
    ...(highWatermark && { highWatermark: () => highWatermark.call(source, calls) }),
    ...(settled && { settled: (high: string) => settled.call(source, high, calls) }),
    ...(lookup && {
      lookup: (
        keyFields: readonly string[],
        keys: readonly KeyValues[],
        fields: readonly string[],
        rest = false,
      ) => lookup.call(source, { keyFields, keys, fields, rest }, calls),
    }),
    read: ({ signal, ...request }: PageRequest & { readonly signal?: AbortSignal }) =>
      source.read(request, until(calls, signal)),
  };
  return direct as unknown as DirectSource;
}

function directDestination(destination: Destination, calls: Calls): DirectDestination {
  if (destination.kind === 'jobs') throw new Error('jobs are not made directly');
  return destination.kind === 'records'
    ? directRecords(destination, calls)
    : directStaging(destination, calls);
}

function directRecords(destination: RecordDestination, calls: Calls): DirectRecords {
  const { lookup, storedKeys, scan, finish, forget } = destination;
  const direct = {
    ...valuesOf(destination),
    ...(lookup && {
      lookup: (keys: readonly KeyValues[], values?: readonly JsonObject[]) =>
        lookup.call(destination, keys, calls, values),
    }),
    ...(storedKeys && {
      storedKeys: (keys: readonly KeyValues[]) => storedKeys.call(destination, keys, calls),
    }),
    write: (
      operations: readonly WriteOperation[],
      { beforeSend, signal, chunk }: DirectWrite = {},
    ) =>
      destination.write(
        chunk === undefined ? operations : operations.map((each) => ({ ...each, chunk })),
        {
          ...fenced(until(calls, signal), beforeSend),
          repeatable: destination.idempotentCreate || operations[0]?.operation !== 'create',
        },
      ),
    ...(scan && { scan: (signal?: AbortSignal) => scan.call(destination, until(calls, signal)) }),
    ...(finish && {
      finish: (run: string, written: number) => finish.call(destination, run, written, calls),
    }),
    ...(forget && { forget: (run: string) => forget.call(destination, run, calls) }),
  };
  return direct as unknown as DirectRecords;
}

function directStaging(staging: StagingDestination, calls: Calls): DirectStaging {
  return {
    ...valuesOf(staging),
    acceptsCopy: (layout) => staging.acceptsCopy(layout),
    stageCopy: (chunk, layout, copy, signal) =>
      staging.stageCopy(chunk, layout, copy, until(calls, signal)),
    stageRows: (chunk, layout, rows, signal) =>
      staging.stageRows(chunk, layout, rows, until(calls, signal)),
    apply: (chunk, layout, { dryRun, signal }) =>
      staging.apply(chunk, layout, { dryRun }, until(calls, signal)),
    planRemoval: (run, signal) => staging.planRemoval(run, until(calls, signal)),
    remove: (run, signal) => staging.remove(run, until(calls, signal)),
    applyLate: (run, layout, signal) => staging.applyLate(run, layout, until(calls, signal)),
    applied: (run, signal) => staging.applied(run, until(calls, signal)),
    cleanUp: (run, options) => staging.cleanUp(run, calls, options),
  };
}

/** Returns an object's members that are no methods. A spread would copy own methods, but not those of its class. */
function valuesOf<T extends object>(object: T): T {
  const entries: [string, unknown][] = Object.entries(object);
  return Object.fromEntries(entries.filter(([, value]) => typeof value !== 'function')) as T;
}

function until(calls: Calls, signal: AbortSignal | undefined): Calls {
  return signal === undefined ? calls : unlimitedUntil(signal);
}

function fenced(calls: Calls, fence: (() => Promise<void>) | undefined): Calls {
  if (fence === undefined) return calls;
  return {
    ...calls,
    async make<T>(send: Send<T>): Promise<T> {
      calls.signal.throwIfAborted();
      await fence();
      return calls.make(send);
    },
    until: (signal) => fenced(calls.until(signal), fence),
  };
}

/** Calls of a test that are made by `make`, which is given the signal that ends them. */
export function callsBy(
  make: <T>(send: Send<T>, signal: AbortSignal) => Promise<T>,
  signal: AbortSignal = unlimited.signal,
): Calls {
  return {
    signal,
    repeatable: true,
    make: (send) => make(send, signal),
    until: (other) => callsBy(make, abortedByEither(signal, other)),
  };
}

/** Returns the wire that a test gives to a request. */
export function wireOf(signal: AbortSignal): Wire {
  return { signal, sent: () => undefined };
}
