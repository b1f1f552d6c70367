import type { z } from 'zod';
import type { ModeSupport } from '../../model/mode.ts';
import type { Quota } from '../../model/quota.ts';
import type { RemovalKind } from '../../model/removal.ts';
import type { StreamInfo } from '../../model/stream.ts';
import type { Calls } from './calls.ts';
import type { Destination } from './destination.ts';
import type { Memory } from './memory.ts';
import type { Source, SourceRequest } from './source.ts';
import type { Target } from './target.ts';

/** The version of this contract. It grows when connectors that were made for the one before cannot be used any more. */
export const contractVersion = 1;

/**
 * One kind of system Sluice can read from, write to, or both. A connector is stateless: what it can do is told by static
 * data and pure functions, and `connect` makes the object that holds sockets. Every connector passes the suite in
 * `test/connectors/`. Calls follow one order: `connect`, then any of `check`, `discover` and the roles' `open`, then `close`.
 *
 * @typeParam Settings what `settings` parses to
 * @typeParam Link what `connect` makes, handed to the roles
 */
export interface Connector<Settings = unknown, Link extends Connection = Connection> {
  /** The contract it was made for; set by {@link defineConnector}. */
  readonly contractVersion?: number;
  /** The `type` of a connection in the project file; of a connector from outside, what messages call it. */
  readonly type: string;
  /** One line for people: what the system is. */
  readonly title: string;
  /** A strict schema of a connection's settings without `type`; descriptions end up in the JSON Schema for editors. */
  readonly settings: z.ZodType<Settings>;
  /** Paths of the settings that are never shown, such as `auth.token`; `*` stands for any name. */
  readonly secrets: readonly string[];
  /** How the system is read. Absent: it cannot be a source. */
  readonly source?: SourceRole<Settings, Link>;
  /** How the system is written. Absent: it cannot be a destination. */
  readonly destination?: DestinationRole<Settings, Link>;
  /**
   * The calls the system allows, shared by all workers; undefined where nothing is declared: then the answers teach how fast
   * calls may go. Absent: the system limits nobody, and calls go at once.
   */
  quota?(settings: Settings): Quota | undefined;
  /** Makes a connection. Does no I/O: the first call that needs the system opens it. */
  connect(settings: Settings, context: ConnectContext): Link;
}

/** What one end of a sync names: the stream, and what `source:` or `destination:` says for the connector. */
export interface EndSpec {
  readonly stream: string;
  /** Parsed by the role's `options`. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** What a system offers as a source. All but `open` is pure: it is asked when a project is validated. */
export interface SourceRole<Settings = unknown, Link extends Connection = Connection> {
  /** A strict schema of what `source:` of a sync may say beyond the common fields. Default: nothing. */
  readonly options?: z.ZodType;
  /** True where a stream can be read in the order of its watermark (`SourceRequest.order`); else why not. Absent: no stream can. */
  sortsByWatermark?(settings: Settings, end: EndSpec): true | string;
  /**
   * True where a read of the stream holds every record that exists throughout it; else why not: a mirror from it is
   * refused (R7). Absent: always true.
   */
  wholeReads?(settings: Settings, end: EndSpec): true | string;
  /**
   * Opens a stream for reading.
   * @throws ConfigError `unknown_stream` or `unknown_field`, naming the nearest names; `unsupported_order`
   */
  open(link: Link, request: SourceRequest, calls: Calls): Promise<Source>;
}

/** What a system offers as a destination. All but `open` is pure: it is asked when a project is validated. */
export interface DestinationRole<Settings = unknown, Link extends Connection = Connection> {
  /** A strict schema of what `destination:` of a sync may say beyond the common fields. Default: nothing. */
  readonly options?: z.ZodType;
  /** The modes that a destination with these settings honours, each true or the reason why not. */
  modes(settings: Settings, end: EndSpec): ModeSupport;
  /** The ways to remove a record of this stream, the usual one first. Absent: `delete` alone. */
  removals?(settings: Settings, end: EndSpec): readonly RemovalKind[];
  /**
   * Opens a stream for writing.
   * @throws ConfigError `unknown_stream` or `unknown_field`, naming the nearest names; `invalid_id` where `Target.id`
   *   cannot be honoured
   */
  open(link: Link, target: Target, calls: Calls): Promise<Destination>;
}

/** What a connection may use of its surroundings. */
export interface ConnectContext {
  /** The connection's id, for error messages. */
  readonly connection: string;
  /** What the connection remembers between runs. */
  readonly memory: Memory;
}

/**
 * A connected system. Safe for concurrent use. Every method throws `TransientError`, `LimitedError` or
 * `ConfigError` (wrong credentials: code `credentials`), with the connection named and no secret in the message.
 */
export interface Connection {
  /** Proves that the address and the credentials work. */
  check(calls: Calls): Promise<void>;
  /** The streams that can be read or written, with their fields where the system tells. */
  discover(calls: Calls): Promise<StreamInfo[]>;
  /** Closes sockets. May be called twice. */
  close(): Promise<void>;
}

/**
 * Declares a connector with its types checked, and forgets them: the runtime keeps settings and connections of all
 * connectors alike, and hands each only its own. Marks it with the version of the contract.
 */
export function defineConnector<Settings, Link extends Connection>(
  connector: Connector<Settings, Link>,
): Connector {
  return Object.assign(connector, { contractVersion });
}
