import { z } from 'zod';
import type { Connection, Connector } from '../connectors/connector.ts';
import { connectorOf } from '../connectors/registry.ts';
import { unlimited } from '../connectors/throttle.ts';
import { modes, permissionsOf } from '../model/mode.ts';
import { connectorOptions, type SyncSpec } from '../model/sync.ts';
import { checkShape } from './issues.ts';
import { hintFor } from './hint.ts';
import type { ProjectConnection } from './project.ts';
import type { Path, SourceFile } from './source-file.ts';

/** The file's connections by id; null for one that has problems of its own. */
export type Connections = ReadonlyMap<string, ProjectConnection | null>;

interface End {
  readonly connector: Connector;
  readonly settings: unknown;
}

/** Checks that a sync's `source:` names a connection that can be read, and says nothing it does not know. */
export function checkSource(
  file: SourceFile,
  path: Path,
  { source, mode }: SyncSpec,
  connections: Connections,
): void {
  const end = endOf(file, path, source.connection, connections);
  if (!end) return;
  if (!can(end, 'source')) {
    file.report([...path, 'connection'], `${end.connector.type} connections cannot be a source`);
    return;
  }
  const { connector, settings } = end;
  const options = checkOptions(file, path, connectorOptions(source), connector.sourceOptions);
  if (!options || !permissionsOf(mode).remove) return;
  const whole = connector.wholeReads?.(settings, { stream: source.stream, options });
  if (typeof whole === 'string')
    file.report([...path, 'stream'], `${source.connection} is no source of a ${mode}: ${whole}`);
}

/** Checks that a sync's `destination:` names a connection that can be written, in the sync's mode. */
export function checkDestination(
  file: SourceFile,
  syncPath: Path,
  { destination, mode }: SyncSpec,
  connections: Connections,
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
  const options = checkOptions(
    file,
    path,
    connectorOptions(destination),
    connector.destinationOptions,
  );
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

function endOf(
  file: SourceFile,
  path: Path,
  id: string,
  connections: Connections,
): End | undefined {
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
  file: SourceFile,
  path: Path,
  options: Record<string, unknown>,
  schema: z.ZodType = z.strictObject({}),
): Readonly<Record<string, unknown>> | undefined {
  const known = checkShape(file, path, options, schema);
  return known === undefined ? undefined : (known as Readonly<Record<string, unknown>>);
}
