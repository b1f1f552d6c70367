import { z } from 'zod';
import type { Connectors } from '../connectors/registry.ts';
import type { ConfigError } from '../model/failure.ts';
import { isRecord } from './is-record.ts';
import { checkShape } from './issues.ts';
import { hintFor } from './hint.ts';
import type { ProjectConnection } from './project.ts';
import type { Path, Reporter } from './reporter.ts';

/** The connectors that a file is checked with. */
export interface KnownConnectors {
  readonly connectors: Connectors;
  /** The reasons why some could not be loaded, by type. */
  readonly refused: ReadonlyMap<string, ConfigError>;
}

/** Checks one connection of the file; undefined if there was a problem. */
export function checkConnection(
  file: Reporter,
  id: string,
  value: unknown,
  known: KnownConnectors,
): ProjectConnection | undefined {
  const path = ['connections', id];
  const head = checkShape(file, path, value, z.looseObject({ type: z.string() }));
  if (!head || !isRecord(value)) return undefined;
  const connector = known.connectors.find(head.type);
  if (!connector) {
    reportType(file, [...path, 'type'], head.type, known);
    return undefined;
  }
  const { type, ...rest } = head;
  const settings = checkShape(file, path, rest, connector.settings);
  return settings === undefined ? undefined : { type, connector, settings };
}

function reportType(
  file: Reporter,
  path: Path,
  type: string,
  { connectors, refused }: KnownConnectors,
): void {
  const why = refused.get(type);
  if (why !== undefined) {
    file.report(path, why.message);
    return;
  }
  const types = connectors.all().map((each) => each.type);
  const own = /[/\\]|\.[cm]?[jt]s$/.test(type);
  const hint = own
    ? 'a connector of your own is ./FILE.ts, relative to the project file, or npm:PACKAGE'
    : hintFor(type, types);
  file.report(path, 'unknown connection type', hint);
}
