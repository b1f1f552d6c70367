import { unlimited } from '../../src/connectors/contract/calls.ts';
import type { Connection, Connector } from '../../src/connectors/contract/connector.ts';
import { noMemory } from '../../src/connectors/contract/memory.ts';
import { connectDirectly, type DirectConnection } from '../../src/connectors/testing/direct.ts';
import type { SourceRequest } from '../../src/connectors/contract/source.ts';
import type { Target } from '../../src/connectors/contract/target.ts';
import type { Json, JsonObject } from '../../src/model/json.ts';
import type { Permissions } from '../../src/model/mode.ts';
import type { RemovalKind } from '../../src/model/removal.ts';
import type { Value } from '../../src/model/record.ts';

/** The fields of every record the suite uses; all hold text, `code` is the key and never null. */
export const suiteFields = ['code', 'name', 'note'] as const;

/** The parts of a target that a test chooses. */
export interface TargetOptions {
  readonly permissions?: Permissions;
  readonly tracked?: boolean;
  readonly removal?: RemovalKind;
}

/**
 * The parts that a connector's test gives to the shared suite. They are made anew for each test, over an empty stream.
 */
export interface Harness {
  readonly connector: Connector;
  /** The settings of a connection, as a project file has them beside `type`. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Fills the stream that `sourceRequest` and `target` name; records in order of `code`. */
  readonly seed: (records: readonly JsonObject[]) => Promise<void>;
  /** Returns the records that the stream holds now, with `code`, `name` and `note`, in any order. */
  readonly readBack: () => Promise<JsonObject[]>;
  /** All that the system holds, also what the connector keeps there for itself. Default: what `readBack` tells. */
  readonly trace?: () => Promise<unknown>;
  /** Returns the number of requests that the system has seen. Absent: it cannot be asked. */
  readonly requests?: () => number;
  /** The acts of the suite that need no call, such as `discover` where settings declare everything. Default: none. */
  readonly local?: readonly string[];
  /** Has the system refuse some requests for their rate. @returns what ends that. Absent: it limits nobody */
  readonly limit?: () => () => void;
  /** Has the system answer nothing for a while. Absent: it cannot be stopped. */
  readonly standstill?: Standstill;
  /** Texts that no error may show: passwords, tokens. Default: none. */
  readonly secrets?: readonly string[];
  /**
   * Settings of connections that fail, by how: wrong credentials, an address where nobody listens. They hold `secrets`.
   */
  readonly broken: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Absent: the connector cannot be read. */
  readonly sourceRequest?: () => SourceRequest;
  /** The source read by watermark `note`, as far as the connector itself selects by watermark. */
  readonly watermarked?: () => SourceRequest;
  /** The source read in the order of watermark `note`. Absent: the connector cannot sort. */
  readonly ordered?: () => SourceRequest;
  /** Absent: the connector cannot be written. Key `code`, fields `name` and `note`. */
  readonly target?: (options: TargetOptions) => Target;
  /** The target whose records get their ids from the system: the key is the id, all the suite's fields are mapped. */
  readonly assigned?: () => Target & { readonly id: string };
  /** Returns the form in which the source returns a seeded value. Default: unchanged. */
  readonly reads?: (value: Value) => Value;
  /** A stream that does not exist, and the one its error must name. Absent: streams cannot be checked. */
  readonly wrongStream?: { readonly stream: string; readonly nearest: string };
  /** Values of `name` and `note` that this system refuses. */
  readonly refused?: JsonObject;
  /** The value that `Destination.leastRecords` must have. Absent: it must be absent. */
  readonly leastRecords?: number;
  /** For a system with long jobs: the means to make them fail. */
  readonly jobs?: JobFaults;
  readonly close: () => Promise<void>;
}

/** A system that answers nothing for a while. */
export interface Standstill {
  /** The acts of the suite that wait then. */
  readonly acts: readonly string[];
  /** Stops the system. @returns what lets it go on */
  readonly begin: () => Promise<() => Promise<void>>;
}

/** The means to make the jobs of a system fail. */
export interface JobFaults {
  /** Loses the answer to the nth request from now, from 1, after it was done. */
  readonly lose: (nth: number) => void;
  /** The next job is running still at its first polls. */
  readonly slow: () => void;
  /** Returns the number of changes that the system has made to records. */
  readonly effects: () => number;
}

/** The id of the connection that is tested. */
export const connectionId = 'tested';

/** A connection that makes its calls at once. */
export function connectTo({ connector, settings }: Harness): DirectConnection {
  return connectDirectly(connector, connector.settings.parse(settings), {
    connection: connectionId,
  });
}

/** A connection as the runtime has it. @param settings instead of the harness's own, such as broken ones */
export function linkTo({
  connector,
  settings,
}: Pick<Harness, 'connector' | 'settings'>): Connection {
  const context = { connection: connectionId, memory: noMemory };
  return connector.connect(connector.settings.parse(settings), context);
}

/** Opens the source of a harness. */
export async function openSource(
  { connector }: Harness,
  link: Connection,
  request: SourceRequest,
  calls = unlimited,
) {
  if (connector.source === undefined) throw new Error('the connector has no source');
  return connector.source.open(link, request, calls);
}

/** Opens the destination of a harness. */
export async function openDestination(
  { connector }: Harness,
  link: Connection,
  target: Target,
  calls = unlimited,
) {
  if (connector.destination === undefined) throw new Error('the connector has no destination');
  return connector.destination.open(link, target, calls);
}

/** A permission for everything. */
export const mayAll: Permissions = { create: true, update: true, remove: true };

/** A target over the suite's fields. */
export function suiteTarget(stream: string, options: TargetOptions): Target {
  return {
    sync: 'suite',
    stream,
    key: ['code'],
    fields: ['name', 'note'],
    permissions: options.permissions ?? mayAll,
    match: { caseInsensitive: false, trim: false },
    tracked: options.tracked ?? false,
    ...(options.removal !== undefined && { removal: options.removal }),
    options: {},
  };
}

/** Returns the records that the stream holds now, as lists of `code`, `name` and `note`, in order of `code`. */
export async function heldRecords(harness: Harness): Promise<Json[][]> {
  const records = await harness.readBack();
  return records
    .map((record) => suiteFields.map((field) => record[field] ?? null))
    .toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
}
