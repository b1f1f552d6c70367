import { z } from 'zod';
import { ConfigError } from '../model/failure.ts';
import { permissionsOf, type Mode, type ModeSupport } from '../model/mode.ts';
import type { RemovalKind } from '../model/removal.ts';
import type { Connector, DestinationRole, EndSpec, SourceRole } from './contract/connector.ts';

/** The connector of a connection, and the connection's parsed settings. */
export interface DeclaredConnection {
  readonly connector: Connector;
  readonly settings: unknown;
}

/** The stream and options that `source:` or `destination:` of a sync or an entity declares. */
export interface DeclaredEnd {
  readonly stream: string;
  /** The connector's own options, as they are written. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** A source, resolved by its connector. */
export interface SourceEnd extends EndSpec {
  readonly role: SourceRole;
  /** True if a read holds every record (R7), else the reason why not. */
  readonly whole: true | string;
  /** True if it can be read in the order of a watermark, else the reason why not. */
  readonly sorted: true | string;
}

/** A destination, resolved by its connector. */
export interface DestinationEnd extends EndSpec {
  readonly role: DestinationRole;
  /** For each mode, true if it is supported, else the reason why not. */
  readonly modes: ModeSupport;
  /** The ways to remove a record, the usual one first. */
  readonly removals: readonly RemovalKind[];
}

/** The reason why an end cannot be resolved: the connector lacks the role, or an option is wrong. */
export interface EndProblem {
  readonly problem: 'no_role' | 'options';
  readonly message: string;
}

/** Resolves the source of a sync or an entity. It is pure, and used wherever a source is checked or opened. */
export function resolveSource(
  { connector, settings }: DeclaredConnection,
  { stream, options }: DeclaredEnd,
): SourceEnd | EndProblem {
  const role = connector.source;
  if (role === undefined)
    return {
      problem: 'no_role',
      message: `${connector.type} connections cannot be a source`,
    };
  const parsed = parseOptions(role.options, options);
  if ('problem' in parsed) return parsed;
  const end = { stream, options: parsed.options };
  return {
    ...end,
    role,
    whole: role.wholeReads?.(settings, end) ?? true,
    sorted: role.sortsByWatermark?.(settings, end) ?? `${connector.type} connections cannot sort`,
  };
}

/**
 * Resolves the destination of a sync or an entity. It is pure, and used wherever a destination is checked or opened.
 */
export function resolveDestination(
  { connector, settings }: DeclaredConnection,
  { stream, options }: DeclaredEnd,
): DestinationEnd | EndProblem {
  const role = connector.destination;
  if (role === undefined)
    return {
      problem: 'no_role',
      message: `${connector.type} connections cannot be a destination`,
    };
  const parsed = parseOptions(role.options, options);
  if ('problem' in parsed) return parsed;
  const end = { stream, options: parsed.options };
  return {
    ...end,
    role,
    modes: role.modes(settings, end),
    removals: role.removals?.(settings, end) ?? ['delete'],
  };
}

/**
 * Resolves the source of a run in a mode.
 * @throws ConfigError `not_a_source`, `invalid_options`; `unsupported_mode` for a mirror if a read may skip records,
 *   which it would then remove (R7)
 */
export function requireSource(
  declared: DeclaredConnection,
  side: DeclaredEnd,
  mode: Mode,
  id: string,
): SourceEnd {
  const end = resolveSource(declared, side);
  if ('problem' in end) throw failed(end, 'not_a_source', `connection ${id} cannot be read`, id);
  if (permissionsOf(mode).remove && end.whole !== true) throw unsupported(mode, end.whole, id);
  return end;
}

/**
 * Resolves the destination of a run in a mode.
 * @param by the way to remove records. Default: the usual one
 * @throws ConfigError `not_a_destination`, `invalid_options`, `unsupported_mode`, `unsupported_removal`
 */
export function requireDestination(
  declared: DeclaredConnection,
  side: DeclaredEnd,
  { mode, by }: { readonly mode: Mode; readonly by?: RemovalKind | undefined },
  id: string,
): DestinationEnd {
  const end = resolveDestination(declared, side);
  if ('problem' in end)
    throw failed(end, 'not_a_destination', `connection ${id} cannot be written`, id);
  const support = end.modes[mode];
  if (support !== true) throw unsupported(mode, support, id);
  if (by !== undefined && !end.removals.includes(by))
    throw new ConfigError('unsupported_removal', `${id} cannot ${by} records of ${end.stream}`, {
      connection: id,
    });
  return end;
}

function parseOptions(
  schema: z.ZodType = z.strictObject({}),
  options: Readonly<Record<string, unknown>>,
): Pick<EndSpec, 'options'> | EndProblem {
  const parsed = schema.safeParse(options);
  if (parsed.success) return { options: parsed.data as EndSpec['options'] };
  return { problem: 'options', message: z.prettifyError(parsed.error) };
}

function failed(
  { problem, message }: EndProblem,
  code: string,
  said: string,
  connection: string,
): ConfigError {
  return problem === 'no_role'
    ? new ConfigError(code, said, { connection })
    : new ConfigError('invalid_options', `${connection}: ${message}`, { connection });
}

function unsupported(mode: Mode, why: string, connection: string): ConfigError {
  return new ConfigError('unsupported_mode', `mode ${mode}: ${why}`, { connection });
}
