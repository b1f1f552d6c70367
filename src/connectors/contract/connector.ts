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

/** The version of this contract. It grows with each change that breaks connectors made for the version before. */
export const contractVersion = 1;

/**
 * A kind of system that Sluice can read from, write to, or both. A connector is stateless. Static data and pure
 * functions say what it can do; `connect` makes the object that holds sockets. Every connector passes the suite in
 * `test/connectors/`. Calls come in this order: `connect`, then any of `check`, `discover` and the roles' `open`, then
 * `close`.
 *
 * @typeParam Settings the type that `settings` parses to
 * @typeParam Link the type that `connect` returns; the roles are given it
 */
export interface Connector<Settings = unknown, Link extends Connection = Connection> {
  /** The version of the contract that the connector was made for; {@link defineConnector} sets it. */
  readonly contractVersion?: number;
  /** The `type` of a connection in the project file. For a connector from outside it is only its name in messages. */
  readonly type: string;
  /** The system's name in one line, for people. */
  readonly title: string;
  /**
   * A strict schema of a connection's settings, without `type`. Its descriptions end up in the JSON Schema for editors.
   */
  readonly settings: z.ZodType<Settings>;
  /** Paths of the settings that are never shown, such as `auth.token`; `*` stands for any name. */
  readonly secrets: readonly string[];
  /** The role as a source. Absent: the system cannot be read. */
  readonly source?: SourceRole<Settings, Link>;
  /** The role as a destination. Absent: the system cannot be written. */
  readonly destination?: DestinationRole<Settings, Link>;
  /**
   * Returns the calls that the system allows; all workers share them. Undefined means that no quota is declared: the
   * system's answers teach how fast calls may go. Absent: the system limits nobody, and calls go at once.
   */
  quota?(settings: Settings): Quota | undefined;
  /** Makes a connection. Does no I/O: the first call that needs the system opens sockets. */
  connect(settings: Settings, context: ConnectContext): Link;
}

/** One end of a sync: its stream, and the options of `source:` or `destination:` that are the connector's own. */
export interface EndSpec {
  readonly stream: string;
  /** The options, parsed by the role's `options`. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** The role of a system as a source. All but `open` is pure, and also called when a project is validated. */
export interface SourceRole<Settings = unknown, Link extends Connection = Connection> {
  /** A strict schema of the options in `source:` beside the common ones such as `stream`. Default: no options. */
  readonly options?: z.ZodType;
  /**
   * Returns true if the stream can be read in the order of its watermark (`SourceRequest.order`), else the reason why
   * not. Absent: no stream can.
   */
  sortsByWatermark?(settings: Settings, end: EndSpec): true | string;
  /**
   * Returns true if a read of the stream holds every record that exists throughout the read, else the reason why not. A
   * mirror needs true (R7). Absent: always true.
   */
  wholeReads?(settings: Settings, end: EndSpec): true | string;
  /**
   * Opens a stream for reading.
   * @throws ConfigError `unknown_stream` or `unknown_field`, naming the nearest names; `unsupported_order`
   */
  open(link: Link, request: SourceRequest, calls: Calls): Promise<Source>;
}

/** The role of a system as a destination. All but `open` is pure, and also called when a project is validated. */
export interface DestinationRole<Settings = unknown, Link extends Connection = Connection> {
  /** A strict schema of the options in `destination:` beside the common ones such as `stream`. Default: no options. */
  readonly options?: z.ZodType;
  /** Returns for each mode true if the destination supports it, else the reason why not. */
  modes(settings: Settings, end: EndSpec): ModeSupport;
  /** Returns the ways to remove a record of the stream, the usual one first. Absent: only `delete`. */
  removals?(settings: Settings, end: EndSpec): readonly RemovalKind[];
  /**
   * Opens a stream for writing.
   * @throws ConfigError `unknown_stream` or `unknown_field`, naming the nearest names; `invalid_id` when the system
   *   cannot return the field `Target.id`
   */
  open(link: Link, target: Target, calls: Calls): Promise<Destination>;
}

/** The things that a connection may use of Sluice. */
export interface ConnectContext {
  /** The connection's id, for error messages. */
  readonly connection: string;
  /** The values that the connection keeps between runs. */
  readonly memory: Memory;
}

/**
 * A connected system. Its methods may be called concurrently. They throw `TransientError`, `LimitedError` or
 * `ConfigError` (wrong credentials: code `credentials`), with the connection named and no secret in the message.
 */
export interface Connection {
  /** Proves that the address and the credentials work. */
  check(calls: Calls): Promise<void>;
  /** Returns the streams that can be read or written, with their fields if the system tells them. */
  discover(calls: Calls): Promise<StreamInfo[]>;
  /** Closes sockets. May be called twice. */
  close(): Promise<void>;
}

/**
 * Declares a connector: checks its types, marks it with the version of the contract, and returns it without its type
 * parameters, since the runtime handles all connectors alike.
 */
export function defineConnector<Settings, Link extends Connection>(
  connector: Connector<Settings, Link>,
): Connector {
  return Object.assign(connector, { contractVersion });
}
