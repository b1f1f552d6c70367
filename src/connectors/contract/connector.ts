import type { z } from 'zod';
import type { Field } from '../../model/field.ts';
import type { Match } from '../../model/match.ts';
import type { ModeSupport, Permissions } from '../../model/mode.ts';
import type { Encoding } from '../../model/record.ts';
import type { StreamInfo } from '../../model/stream.ts';
import type { Destination } from './destination.ts';
import type { Source } from './source.ts';
import type { Quota, Throttle } from './throttle.ts';

/**
 * One kind of system Sluice can read from, write to, or both. A connector is stateless; `connect` makes
 * the object that holds sockets. Every connector passes the suite in `test/connectors/`.
 */
export interface Connector<Settings = unknown> {
  /** The `type` of a connection in the project file. */
  readonly type: string;
  /** One line for people: what the system is. */
  readonly title: string;
  /** A strict schema of a connection's settings without `type`; descriptions end up in the JSON Schema for editors. */
  readonly settings: z.ZodType<Settings>;
  /** A strict schema of what `source:` of a sync may say beyond the common fields. Default: nothing. */
  readonly sourceOptions?: z.ZodType;
  /** A strict schema of what `destination:` of a sync may say beyond the common fields. Default: nothing. */
  readonly destinationOptions?: z.ZodType;
  /** Paths of the settings that are never shown, such as `auth.token`; `*` stands for any name. */
  readonly secrets: readonly string[];
  /** The calls the system allows, if the settings declare it; shared by all workers. */
  quota?(settings: Settings): Quota | undefined;
  /**
   * Which modes a destination with these settings can honour. Pure: called when a project is validated.
   * @param target the stream and options of the sync's `destination:`
   */
  modes(
    settings: Settings,
    target: { stream: string; options: Readonly<Record<string, unknown>> },
  ): ModeSupport;
  /**
   * Whether a read of a stream is sure to hold every record that exists throughout it; else why not: a mirror from
   * it is refused (R7). Pure. Absent: always.
   */
  wholeReads?(
    settings: Settings,
    source: { stream: string; options: Readonly<Record<string, unknown>> },
  ): true | string;
  /**
   * Whether a stream can be read in the order of its watermark (`SourceRequest.order`); else why not. Pure. Absent:
   * no stream can.
   */
  sortsByWatermark?(
    settings: Settings,
    source: { stream: string; options: Readonly<Record<string, unknown>> },
  ): true | string;
  /** Makes a connection. Does no I/O: the first call that needs the system opens it. */
  connect(settings: Settings, context: ConnectContext): Connection;
}

/** What a connection may use of its surroundings. */
export interface ConnectContext {
  /** The connection's id, for error messages. */
  readonly connection: string;
  /** Asked before every call to a system that limits its callers. */
  readonly throttle: Throttle;
  /** Aborted when the work is cancelled: ends every call under way. */
  readonly signal?: AbortSignal;
}

/**
 * A connected system. Safe for concurrent use. Every method throws `TransientError`, `LimitedError` or
 * `ConfigError` (wrong credentials: code `credentials`), with the connection named and no secret in the message.
 */
export interface Connection {
  /** Proves that the address and the credentials work. */
  check(): Promise<void>;
  /** The streams that can be read or written, with their fields where the system tells. */
  discover(): Promise<StreamInfo[]>;
  /**
   * Opens a stream for reading. Absent: this system cannot be read.
   * @throws ConfigError `unknown_stream` or `unknown_field`, naming the nearest names; `unsupported_order`
   */
  source?(request: SourceRequest): Promise<Source>;
  /**
   * Opens a stream for writing. Absent: this system cannot be written.
   * @throws ConfigError `unknown_stream` or `unknown_field`, naming the nearest names; `invalid_id` where `Target.id`
   *   cannot be honoured
   */
  destination?(target: Target): Promise<Destination>;
  /** Closes sockets. May be called twice. */
  close(): Promise<void>;
}

/** Which stream to read, and how. */
export interface SourceRequest {
  readonly stream: string;
  /** The field whose values grow with every change; absent: no incremental reading. */
  readonly watermark?: string;
  /** How far before `PageRequest.since` reading starts: a duration for times, a number for numbers. Default 0. */
  readonly lag?: string | number;
  /**
   * The sync's key fields: a hint, a stream may page by something better. With `order` they break ties where nothing
   * guarantees a unique key.
   */
  readonly key: readonly string[];
  /**
   * `watermark`: records come by watermark and then key on every read, also one without `since`; those without a
   * watermark come last. Pages end at any record, however many share its watermark: the cursor is the place by
   * watermark and key. Where the system itself sorts, only the watermark's order is sure. Absent: any lasting order.
   */
  readonly order?: 'watermark';
  /** What the read lacks will be removed elsewhere (R7): fail rather than end early. */
  readonly whole?: boolean;
  /** Checked against the connector's `sourceOptions`. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** Which stream to write, and how. */
export interface Target {
  /** The sync this is done for; names staging tables and markers. */
  readonly sync: string;
  /** The run this is opened for. Absent: none, nothing is written. */
  readonly run?: string;
  readonly stream: string;
  /** The destination fields that identify a record. */
  readonly key: readonly string[];
  /** The destination fields that the sync maps: the only ones ever written, but for the key on create. */
  readonly fields: readonly string[];
  /** The sync declares no `fields`: these are all of its source, those that a system makes itself are left out. */
  readonly copied?: boolean;
  /** What key and fields hold, by their names here, where the source tells: for a system that makes its streams. */
  readonly shapes?: readonly Field[];
  /** How the source writes its values: texts of `sql` are for the column's own parser. Default `json`. */
  readonly encoding?: Encoding;
  /** Nothing may be written, also no stream be made. */
  readonly dryRun?: boolean;
  /**
   * The sync copies every field that its records bring: `fields` are those known so far, any may be written, and look-ups
   * tell the values of all. Default false.
   */
  readonly rest?: boolean;
  /**
   * The destination field that holds the system's own id of a record, such as a serial primary key. With it `Existing.id`
   * and the `id` of every successful write are that field's value as text; an update or remove that comes with an
   * `id` is addressed by it; a create whose key is all null leaves key and id to the system. Absent: the key is all.
   */
  readonly id?: string;
  readonly permissions: Permissions;
  readonly match: Match;
  /** Removals consider only records this sync wrote: the destination keeps track of them if it stages. */
  readonly tracked: boolean;
  /**
   * Under which run's name the keys that a mirror has seen are kept: the first of a chain of runs that continue each
   * other. Default: each run's own.
   */
  readonly seenBy?: string;
  /** Checked against the connector's `destinationOptions`. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Which kind of destination the run was opened with, so that a run never changes kind. Absent when it opens. */
  readonly kind?: Destination['kind'];
}
