import { ConfigError } from '../../../model/failure.ts';
import type { Field, FieldType } from '../../../model/field.ts';
import type { Target } from '../../contract/target.ts';
import { lockTables } from './sluice-tables.ts';
import { ident, literal, splitStream } from './names.ts';
import type { Session } from '../link/session.ts';

/** PostgreSQL types for fields of sources that have no native type. */
const types: Readonly<Record<FieldType, string>> = {
  text: 'text',
  integer: 'bigint',
  decimal: 'numeric',
  float: 'double precision',
  boolean: 'boolean',
  date: 'date',
  time: 'time',
  timestamp: 'timestamp',
  timestamptz: 'timestamptz',
  json: 'jsonb',
  bytes: 'bytea',
  array: 'jsonb',
  unknown: 'text',
};

/**
 * Creates the table that a target names, with its key as primary key, or adds the columns that it lacks. Columns get
 * the source's own types where this database has them. Nothing is changed, narrowed or dropped.
 * @throws ConfigError `unknown_stream` when a dry run finds no table, or a column missing
 */
export async function createTable(session: Session, target: Target): Promise<void> {
  const { schema, table } = splitStream(target.stream);
  const name = `${ident(schema)}.${ident(table)}`;
  const held = await columnsOf(session, schema, table);
  const wanted = [...new Set([...target.key, ...target.fields])];
  const lacking = wanted.filter((column) => held?.includes(column) !== true);
  if (held !== null && lacking.length === 0) return;
  if (target.dryRun === true) {
    const what = held === null ? name : `columns ${lacking.join(', ')} of ${name}`;
    const message = `${session.connection}: a run would make ${what}; a dry run makes nothing`;
    throw new ConfigError('unknown_stream', message, { connection: session.connection });
  }
  const columns = await Promise.all(
    lacking.map(async (column) => `${ident(column)} ${await typeOf(session, target, column)}`),
  );
  const key = target.key.map(ident).join(', ');
  await session.transaction(async (client) => {
    // Without the lock two workers that open the run at once would both find no table.
    await lockTables(session, client);
    const sql =
      held === null
        ? `CREATE TABLE IF NOT EXISTS ${name} (${columns.join(', ')}, PRIMARY KEY (${key}))`
        : `ALTER TABLE ${name} ${columns.map((column) => `ADD COLUMN IF NOT EXISTS ${column}`).join(', ')}`;
    await session.run(client, sql);
  });
}

async function columnsOf(
  session: Session,
  schema: string,
  table: string,
): Promise<string[] | null> {
  const { rows } = await session.query(
    `SELECT (SELECT json_agg(attname) FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) AS columns
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2`,
    [schema, table],
  );
  const [row] = rows;
  return row ? (JSON.parse(row['columns'] ?? '[]') as string[]) : null;
}

async function typeOf(session: Session, { shapes = [] }: Target, column: string): Promise<string> {
  const shape = shapes.find((field) => field.name === column);
  if (shape?.native === undefined) return types[shape?.type ?? 'unknown'];
  return (await isKnown(session, shape)) ? shape.native : types[shape.type];
}

async function isKnown(session: Session, { native = '' }: Field): Promise<boolean> {
  const { rows } = await session.query(
    `SELECT to_regtype(${literal(native)}) IS NOT NULL AS known`,
  );
  return rows[0]?.['known'] === 't';
}
