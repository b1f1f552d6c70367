import type { z } from 'zod';
import { entitySchema, type EntitySpec } from '../../model/entity.ts';
import type { ProjectConnections } from '../ends.ts';
import { checkShape } from '../issues.ts';
import type { Path, Reporter } from '../reporter.ts';
import { checkSchedule } from '../schedule.ts';
import { checkAuthority } from './authority.ts';
import { checkDestinations } from './destinations.ts';
import type { EntityCheck } from './entity-check.ts';
import { checkFields } from './fields.ts';
import { checkMerge } from './merge.ts';
import { checkSources } from './sources.ts';

/**
 * Checks one entity of a project: its shape, then its meaning.
 *
 * @param connections by id; null for a connection that the project has but that has problems of its own
 * @returns undefined if its shape is wrong; problems of meaning are only reported
 */
export function checkEntity(
  file: Reporter,
  path: Path,
  value: unknown,
  connections: ProjectConnections,
): EntitySpec | undefined {
  const entity = checkShape(file, path, value, entitySchema as z.ZodType<EntitySpec>);
  if (!entity) return undefined;
  const check: EntityCheck = { file, path, entity, connections };
  checkFields(check);
  checkSources(check);
  checkAuthority(check);
  checkMerge(check);
  checkDeletes(check);
  checkDestinations(check);
  if (entity.schedule) checkSchedule(file, [...path, 'schedule'], entity.schedule);
  return entity;
}

function checkDeletes({ file, path, entity }: EntityCheck): void {
  if (entity.deletes === 'never') return;
  if (Object.values(entity.sources).some(({ deleted }) => deleted !== undefined)) return;
  file.report(
    [...path, 'deletes'],
    `is ${entity.deletes}, but no source tells of deletes`,
    'say how with `deleted` of a source',
  );
}
