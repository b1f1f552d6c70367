import { z } from 'zod';
import type { Connection, Connector } from '../connectors/contract/connector.ts';
import { connectorOf } from '../connectors/registry.ts';
import { unlimited } from '../connectors/contract/calls.ts';
import { modes, permissionsOf, type Mode } from '../model/mode.ts';
import type { SyncSpec } from '../model/sync.ts';
import { checkShape } from './issues.ts';
import { hintFor } from './hint.ts';
import type { ProjectConnection } from './project.ts';
import type { Path, Reporter } from './reporter.ts';

/** The file's connections by id; null for one that has problems of its own. */
export type Connections = ReadonlyMap<string, ProjectConnection | null>;

/** What a side of a sync may say whatever its connector. */
const syncKeys = ['connection', 'stream', 'key', 'watermark'];

/** What `source:` or `destination:` says. */
interface Side {
  readonly connection: string;
  readonly stream: string;
  readonly [option: string]: unknown;
}

/** One end of a sync: a connection with its connector. */
interface End {
  readonly connector: Connector;
  readonly settings: unknown;
}

/** Checks that a sync's `source:` names a connection that can be read, and says nothing it does not know. */
export function checkSource(
  file: Reporter,
  path: Path,
  { source, mode }: SyncSpec,
  connections: Connections,
): void {
  const end = sourceEnd(file, path, source, syncKeys, connections);
  if (!end || !permissionsOf(mode).remove) return;
  const { connector, settings, options } = end;
  const whole = connector.wholeReads?.(settings, { stream: source.stream, options });
  if (typeof whole === 'string')
    file.report([...path, 'stream'], `${source.connection} is no source of a ${mode}: ${whole}`);
}

/**
 * The connector that reads a stream, with its settings and options; undefined if there was a problem.
 * @param common the keys of `side` that are not for the connector
 */
export function sourceEnd(
  file: Reporter,
  path: Path,
  side: Side,
  common: readonly string[],
  connections: Connections,
): (End & { readonly options: Readonly<Record<string, unknown>> }) | undefined {
  const end = endOf(file, path, side.connection, connections);
  if (!end) return undefined;
  if (!can(end, 'source')) {
    file.report([...path, 'connection'], `${end.connector.type} connections cannot be a source`);
    return undefined;
  }
  const options = checkOptions(file, path, side, common, end.connector.sourceOptions);
  return options && { ...end, options };
}

/**
 * Checks that the `destination:` below `syncPath` names a connection that can be written, in this mode.
 * @param common the keys of `destination` that are not for the connector
 */
export function checkDestination(
  file: Reporter,
  syncPath: Path,
  { destination, mode }: { destination: Side; mode: Mode },
  connections: Connections,
  common: readonly string[] = syncKeys,
): void {
  const path = [...syncPath, 'destination'];
  if ('watermark' in destination) {
    file.report([...path, 'watermark'], 'unknown key', 'a watermark belongs to the source');
  }
  const end = endOf(file, path, destination.connection, connections);
  if (!end) return;
  const { connector, settings } = end;
  if (!can(end, 'destination')) {
    file.report([...path, 'connection'], `${connector.type} connections cannot be a destination`);
    return;
  }
  const options = checkOptions(file, path, destination, common, connector.destinationOptions);
  if (!options) return;
  const support = connector.modes(settings, { stream: destination.stream, options });
  const reason = support[mode];
  if (reason === true) return;
  const honoured = modes.filter((name) => support[name] === true);
  file.report(
    [...syncPath, 'mode'],
    `${destination.connection} does not support mode ${mode}: ${reason}`,
    honoured.length === 0 ? undefined : `supported here: ${honoured.join(', ')}`,
  );
}

function endOf(file: Reporter, path: Path, id: string, connections: Connections): End | undefined {
  const connection = connections.get(id);
  if (connection === undefined) {
    const hint = hintFor(id, [...connections.keys()]);
    file.report([...path, 'connection'], 'no connection has this name', hint);
  }
  if (!connection) return undefined;
  const connector = connectorOf(connection.type);
  return connector && { connector, settings: connection.settings };
}

/** Whether a connection has a role; connecting does no I/O until something is asked of it. */
function can({ connector, settings }: End, role: 'source' | 'destination'): boolean {
  let connection: Connection;
  try {
    connection = connector.connect(settings, { connection: '', throttle: unlimited });
  } catch {
    return true; // what is wrong with the settings is for `sluice check` to tell
  }
  const has = connection[role] !== undefined;
  connection.close().catch(() => undefined); // nothing was opened
  return has;
}

function checkOptions(
  file: Reporter,
  path: Path,
  side: Side,
  common: readonly string[],
  schema: z.ZodType = z.strictObject({}),
): Readonly<Record<string, unknown>> | undefined {
  const options = Object.fromEntries(
    Object.entries(side).filter(([name]) => !common.includes(name)),
  );
  const known = checkShape(file, path, options, schema, common);
  return known === undefined ? undefined : (known as Readonly<Record<string, unknown>>);
}
