import { z } from 'zod';
import { ConfigError } from '../../model/failure.ts';
import type { Calls } from '../contract/calls.ts';
import type { Destination } from '../contract/destination.ts';
import type { Target } from '../contract/target.ts';
import { findSluiceTables } from './catalog/sluice-tables.ts';
import { columnNamed, relationOf } from './catalog/catalog.ts';
import type { Column, Relation } from './catalog/catalog.ts';
import { createTable } from './catalog/create-table.ts';
import { recordDestination } from './records/records.ts';
import type { Link } from './link/link.ts';
import type { Session } from './link/session.ts';
import { stagingDestination } from './staged/staging.ts';
import type { Table } from './catalog/table.ts';

/** The options of `destination:` in a sync. */
export const destinationOptions = z.strictObject({
  create: z
    .literal('table')
    .optional()
    .describe(
      'Make the table if there is none, and columns that it lacks; types as in the source. Default: neither.',
    ),
  sequences: z
    .literal('advance')
    .optional()
    .describe(
      'Move the sequences of written columns past the values that were copied. Default: they stay.',
    ),
});

/**
 * Opens a table for writing: by staged sets where Sluice may make tables; else, or when the ids that the table assigns
 * are asked for, record by record.
 */
export async function openDestination(
  link: Link,
  target: Target,
  calls: Calls,
): Promise<Destination> {
  const session = link.session(calls);
  if (session.encoding !== undefined) throw readOnly(session);
  const table = await openTable(session, target);
  if (target.kind === 'records' && !table.id) return recordDestination(link, table, null);
  const sluiceTables = await findSluiceTables(session, target.stream);
  await sluiceTables?.create(session);
  if (table.id) return recordDestination(link, table, sluiceTables);
  if (sluiceTables) return stagingDestination(link, sluiceTables, table);
  if (target.kind === undefined) return recordDestination(link, table, null);
  throw new ConfigError(
    'permission_denied',
    `${session.connection}: the right to create tables was lost since the run began`,
    { connection: session.connection },
  );
}

async function openTable(session: Session, whole: Target): Promise<Table> {
  const options = destinationOptions.parse(whole.options);
  if (options.create === 'table') await createTable(session, whole);
  const relation = await relationOf(session, whole.stream);
  const generated = relation.columns.filter((column) => column.generated);
  const copies = whole.copied === true || whole.rest === true;
  const leavesOut = copies ? generated.map(({ name }) => name) : [];
  const target = { ...whole, fields: writtenTo(relation, whole, leavesOut) };
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
  const uniqueKey = immediate.some(
    ({ columns, everywhere }) => everywhere && columns.every((name) => target.key.includes(name)),
  );
  const conflictKey = immediate.some(
    ({ columns }) =>
      columns.length === target.key.length && columns.every((name) => target.key.includes(name)),
  );
  const id = target.id === undefined ? undefined : idOf(relation, target.id, session.connection);
  const advances = options.sequences === 'advance';
  return { relation, target, key, id, uniqueKey, conflictKey, leavesOut, advances };
}

/** Returns the fields that may be written. When the source's records may bring any field, that is every column. */
function writtenTo(
  { columns }: Relation,
  { fields, rest = false }: Target,
  leavesOut: readonly string[],
): string[] {
  const names = rest ? [...fields, ...columns.map(({ name }) => name)] : fields;
  return [...new Set(names)].filter((name) => !leavesOut.includes(name));
}

/**
 * Returns the column of the table's ids. It must be unique: with an id that several records share, all of them would be
 * written in place of one.
 */
function idOf(relation: Relation, name: string, connection: string): Column {
  const column = columnNamed(relation, name, connection);
  const isUnique = relation.uniqueKeys.some(
    ({ columns }) => columns.length === 1 && columns[0] === name,
  );
  if (isUnique) return column;
  const message = `${connection}: "${relation.stream}.${name}" has no unique index, so it is no id of a record`;
  throw new ConfigError('invalid_id', message, { connection });
}

function readOnly({ connection }: Session): ConfigError {
  const message = `${connection}: a database whose texts are in another "encoding" can only be read`;
  return new ConfigError('invalid_encoding', message, { connection });
}
