import { ConfigError } from '../../model/failure.ts';
import type { Target } from '../connector.ts';
import type { Destination } from '../destination.ts';
import { findArea } from './area.ts';
import { columnNamed, relationOf } from './catalog.ts';
import { recordDestination } from './records.ts';
import type { Session } from './session.ts';
import { stagingDestination } from './staging.ts';
import type { Table } from './table.ts';

/** Opens a table for writing: by staged sets where Sluice may make tables, else record by record. */
export async function openDestination(session: Session, target: Target): Promise<Destination> {
  const table = await openTable(session, target);
  if (target.kind === 'records') return recordDestination(session, table);
  const area = await findArea(session, target.stream);
  if (area) {
    await area.create(session);
    return stagingDestination(session, area, table);
  }
  if (target.kind === undefined) return recordDestination(session, table);
  throw new ConfigError(
    'permission_denied',
    `${session.connection}: the right to create tables was lost since the run began`,
    { connection: session.connection },
  );
}

async function openTable(session: Session, target: Target): Promise<Table> {
  const relation = await relationOf(session, target.stream);
  const key = target.key.map((name) => columnNamed(relation, name, session.connection));
  for (const name of target.fields) {
    if (!columnNamed(relation, name, session.connection).generated) continue;
    throw new ConfigError(
      'unknown_field',
      `${session.connection}: "${target.stream}.${name}" is generated and cannot be written`,
      { connection: session.connection },
    );
  }
  const immediate = relation.uniqueKeys.filter((unique) => unique.immediate);
  const uniqueKey = immediate.some(({ columns }) =>
    columns.every((name) => target.key.includes(name)),
  );
  const conflictKey = immediate.some(
    ({ columns }) =>
      columns.length === target.key.length && columns.every((name) => target.key.includes(name)),
  );
  return { relation, target, key, uniqueKey, conflictKey };
}
