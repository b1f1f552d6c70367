import { z } from 'zod';
import { allConnectors, connectorOf } from '../connectors/registry.ts';
import { isRecord } from './is-record.ts';
import { checkShape } from './issues.ts';
import { hintFor } from './hint.ts';
import type { ProjectConnection } from './project.ts';
import type { Reporter } from './reporter.ts';

/** Checks one connection of the file; undefined if there was a problem. */
export function checkConnection(
  file: Reporter,
  id: string,
  value: unknown,
): ProjectConnection | undefined {
  const path = ['connections', id];
  const head = checkShape(file, path, value, z.looseObject({ type: z.string() }));
  if (!head || !isRecord(value)) return undefined;
  const connector = connectorOf(head.type);
  if (!connector) {
    const types = allConnectors().map(({ type }) => type);
    file.report([...path, 'type'], 'unknown connection type', hintFor(head.type, types));
    return undefined;
  }
  const { type, ...rest } = head;
  const settings = checkShape(file, path, rest, connector.settings);
  return settings === undefined ? undefined : { type, settings };
}
