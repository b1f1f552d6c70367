import type { z } from 'zod';
import { permissionsOf } from '../model/mode.ts';
import { keyFields, syncSchema, type SyncSpec } from '../model/sync.ts';
import { checkDestination, checkSource, type ProjectConnections } from './ends.ts';
import { checkExpression, expressionsIn } from './expressions.ts';
import { checkShape } from './issues.ts';
import { checkSchedule } from './schedule.ts';
import type { Path, Reporter } from './reporter.ts';

/**
 * Checks one sync of the file: its shape, then its meaning for the connections that it names.
 *
 * @param connections by id; null for a connection that the file has but that has problems of its own
 * @returns undefined if its shape is wrong; problems of meaning are only reported
 */
export function checkSync(
  file: Reporter,
  id: string,
  value: unknown,
  connections: ProjectConnections,
): SyncSpec | undefined {
  const path = ['syncs', id];
  const sync = checkShape(file, path, value, syncSchema as z.ZodType<SyncSpec>);
  if (!sync) return undefined;
  checkSource(file, [...path, 'source'], sync, connections);
  const { destination, mode, removal } = sync;
  checkDestination(file, path, { destination, mode, by: removal.by }, connections);
  checkKeys(file, path, sync);
  checkRemoval(file, path, sync, value);
  checkExpressions(file, path, sync);
  if (sync.schedule) checkSchedule(file, [...path, 'schedule'], sync.schedule);
  return sync;
}

function checkKeys(file: Reporter, path: Path, sync: SyncSpec): void {
  const wanted = keyFields(sync.source.key).length;
  const given = keyFields(sync.destination.key).length;
  if (wanted === given) return;
  file.report(
    [...path, 'destination', 'key'],
    `has ${count(given)}, but the source's key has ${count(wanted)}`,
    'the fields of both keys are compared one by one, in order',
  );
}

function count(fields: number): string {
  return fields === 1 ? '1 field' : `${fields} fields`;
}

function checkRemoval(file: Reporter, path: Path, sync: SyncSpec, value: unknown): void {
  const written = typeof value === 'object' && value !== null && 'removal' in value;
  if (!written || permissionsOf(sync.mode).remove) return;
  file.report([...path, 'removal'], `means nothing in mode ${sync.mode}`, 'only mirror removes');
}

function checkExpressions(file: Reporter, path: Path, sync: SyncSpec): void {
  if (sync.where !== undefined) checkExpression(file, [...path, 'where'], sync.where);
  for (const [place, expr] of expressionsIn(sync.fields ?? {}))
    checkExpression(file, [...path, 'fields', ...place], expr);
}
