import { z } from 'zod';
import {
  resolveDestination,
  resolveSource,
  type DeclaredConnection,
  type SourceEnd,
} from '../connectors/ends.ts';
import { modes, permissionsOf, type Mode } from '../model/mode.ts';
import type { RemovalKind } from '../model/removal.ts';
import type { SyncSpec } from '../model/sync.ts';
import { checkShape } from './issues.ts';
import { hintFor } from './hint.ts';
import type { ProjectConnection } from './project.ts';
import type { Path, Reporter } from './reporter.ts';

/** The file's connections by id; null for a connection that has problems of its own. */
export type ProjectConnections = ReadonlyMap<string, ProjectConnection | null>;

/** The keys that a side of a sync may have, whatever its connector. */
const syncKeys = ['connection', 'stream', 'key', 'watermark'];

/** The content of `source:` or `destination:`. */
interface Side {
  readonly connection: string;
  readonly stream: string;
  readonly [option: string]: unknown;
}

/** Checks that a sync's `source:` names a connection that can be read, and has no unknown keys. */
export function checkSource(
  file: Reporter,
  path: Path,
  { source, mode }: SyncSpec,
  connections: ProjectConnections,
): void {
  const end = sourceEnd(file, path, source, syncKeys, connections);
  if (!end || !permissionsOf(mode).remove || end.whole === true) return;
  const why = `${source.connection} is no source of a ${mode}: ${end.whole}`;
  file.report([...path, 'stream'], why);
}

/**
 * Resolves the source that `side` names. Returns undefined if there was a problem, which is reported.
 * @param common the keys of `side` that are not for the connector
 */
export function sourceEnd(
  file: Reporter,
  path: Path,
  side: Side,
  common: readonly string[],
  connections: ProjectConnections,
): SourceEnd | undefined {
  const declared = declaredOf(file, path, side.connection, connections);
  if (!declared) return undefined;
  const { source } = declared.connector;
  const options = source && checkOptions(file, path, side, common, source.options);
  if (source && !options) return undefined;
  const end = resolveSource(declared, { stream: side.stream, options: options ?? {} });
  if (!('problem' in end)) return end;
  file.report([...path, 'connection'], end.message);
  return undefined;
}

/**
 * Checks that the `destination:` below `syncPath` names a connection that can be written in this mode.
 * @param common the keys of `destination` that are not for the connector
 */
export function checkDestination(
  file: Reporter,
  syncPath: Path,
  { destination: side, mode, by }: { destination: Side; mode: Mode; by?: RemovalKind | undefined },
  connections: ProjectConnections,
  common: readonly string[] = syncKeys,
): void {
  const path = [...syncPath, 'destination'];
  if ('watermark' in side) {
    file.report([...path, 'watermark'], 'unknown key', 'a watermark belongs to the source');
  }
  const declared = declaredOf(file, path, side.connection, connections);
  if (!declared) return;
  const { destination } = declared.connector;
  const options = destination && checkOptions(file, path, side, common, destination.options);
  if (destination && !options) return;
  const end = resolveDestination(declared, { stream: side.stream, options: options ?? {} });
  if ('problem' in end) {
    file.report([...path, 'connection'], end.message);
    return;
  }
  if (by !== undefined && !end.removals.includes(by))
    file.report(
      [...syncPath, 'removal', 'by'],
      `${side.connection} cannot ${by} records`,
      `it can ${end.removals.join(' or ')} them`,
    );
  const reason = end.modes[mode];
  if (reason === true) return;
  const honoured = modes.filter((name) => end.modes[name] === true);
  file.report(
    [...syncPath, 'mode'],
    `${side.connection} does not support mode ${mode}: ${reason}`,
    honoured.length === 0 ? undefined : `supported here: ${honoured.join(', ')}`,
  );
}

function declaredOf(
  file: Reporter,
  path: Path,
  id: string,
  connections: ProjectConnections,
): DeclaredConnection | undefined {
  const connection = connections.get(id);
  if (connection === undefined) {
    const hint = hintFor(id, [...connections.keys()]);
    file.report([...path, 'connection'], 'no connection has this name', hint);
  }
  return connection ?? undefined;
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
