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

/** What a test says of a target. */
export interface TargetOptions {
  readonly permissions?: Permissions;
  readonly tracked?: boolean;
  readonly removal?: RemovalKind;
}

/** What a connector's test gives the shared suite. Made anew for each test, over an empty stream. */
export interface Harness {
  readonly connector: Connector;
  /** The settings of a connection, as a project file has them beside `type`. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Fills the stream that `sourceRequest` and `target` name; records in order of `code`. */
  readonly seed: (records: readonly JsonObject[]) => Promise<void>;
  /** What the stream holds now, in any order, with `code`, `name` and `note`. */
  readonly readBack: () => Promise<JsonObject[]>;
  /** All that the system holds, also what the connector keeps there for itself. Default: what `readBack` tells. */
  readonly trace?: () => Promise<unknown>;
  /** How many requests the system has seen. Absent: it cannot be asked. */
  readonly requests?: () => number;
  /** The acts of the suite that need no call, such as `discover` where settings declare everything. Default: none. */
  readonly local?: readonly string[];
  /** Has the system refuse some requests for their rate. @returns what ends that. Absent: it limits nobody */
  readonly limit?: () => () => void;
  /** Has the system answer nothing for a while. Absent: it cannot be stopped. */
  readonly standstill?: Standstill;
  /** Texts that no error may show: passwords, tokens. Default: none. */
  readonly secrets?: readonly string[];
  /** Settings of connections that fail, by how: wrong credentials, an address where nobody listens. They hold `secrets`. */
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
  /** How the source gives a seeded value; default: as it was. */
  readonly reads?: (value: Value) => Value;
  /** A stream that does not exist, and the one its error must name. Absent: streams cannot be checked. */
  readonly wrongStream?: { readonly stream: string; readonly nearest: string };
  /** Values of `name` and `note` that this system refuses. */
  readonly refused?: JsonObject;
  /** What `Destination.leastRecords` must be. Absent: it must be absent. */
  readonly leastRecords?: number;
  /** Of a system with long jobs: how they fail. */
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

/** How the jobs of a system fail. */
export interface JobFaults {
  /** Loses the answer to the nth request from now, from 1, after it was done. */
  readonly lose: (nth: number) => void;
  /** The next job is running still at its first polls. */
  readonly slow: () => void;
  /** How many changes the system has made to records. */
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

/** What the stream holds now, as lists of `code`, `name` and `note`, in order of `code`. */
export async function heldRecords(harness: Harness): Promise<Json[][]> {
  const records = await harness.readBack();
  return records
    .map((record) => suiteFields.map((field) => record[field] ?? null))
    .toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
}
