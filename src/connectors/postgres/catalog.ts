import { ConfigError } from '../../model/failure.ts';
import type { Field } from '../../model/field.ts';
import { fieldTypeOf } from './field-types.ts';
import { ident, namedSql, readingsOf, splitStream, streamSql } from './names.ts';
import { nearestOf } from '../../model/nearest.ts';
import type { Session } from './session.ts';

/** One column of a relation. */
export interface Column {
  readonly name: string;
  /** The type with its modifier, such as `numeric(10,2)`. */
  readonly native: string;
  /** The type without modifier, safe to cast to: never truncates. */
  readonly base: string;
  readonly builtin: boolean;
  /** PostgreSQL's type category: `S` text, `A` array, … */
  readonly category: string;
  readonly notNull: boolean;
  readonly generated: boolean;
  readonly identityAlways: boolean;
}

/** Columns that are together unique. */
export interface UniqueKey {
  readonly columns: readonly string[];
  readonly notNull: boolean;
  readonly immediate: boolean;
}

/** A table, view or query that can be read. */
export interface Relation {
  /** What stands in a FROM clause. */
  readonly from: string;
  readonly stream: string;
  readonly columns: readonly Column[];
  /** The primary key first. Empty for views and queries. */
  readonly uniqueKeys: readonly UniqueKey[];
}

const columnSql = `a.attname AS name, format_type(a.atttypid, a.atttypmod) AS native,
  format_type(a.atttypid, -1) AS base, tn.nspname = 'pg_catalog' AS builtin,
  t.typcategory AS category, a.attnotnull AS not_null, a.attgenerated <> '' AS generated,
  a.attidentity = 'a' AS identity_always`;

const listSql = `SELECT ${streamSql} AS name
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  ORDER BY 1`;

const uniqueSql = `SELECT i.indimmediate AS immediate, bool_and(a.attnotnull) AS not_null,
    json_agg(a.attname ORDER BY k.ord) AS columns
  FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, ord)
  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
  WHERE i.indrelid = $1 AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
    AND i.indexprs IS NULL AND k.ord <= i.indnkeyatts
  GROUP BY i.indexrelid, i.indisprimary, i.indimmediate, i.indnkeyatts
  ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid`;

/** @throws ConfigError `unknown_stream` */
export async function relationOf(session: Session, stream: string): Promise<Relation> {
  const found = await session.query(
    `SELECT c.oid, n.nspname AS schema, c.relname AS "table" FROM ${namedSql} ORDER BY place LIMIT 1`,
    readingsOf(stream),
  );
  const { oid, schema, table } = found.rows[0] ?? {};
  if (!oid || !schema || !table) throw await unknownStream(session, stream);
  const columns = await session.query(
    `SELECT ${columnSql} FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
     JOIN pg_namespace tn ON tn.oid = t.typnamespace
     WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`,
    [oid],
  );
  const unique = await session.query(uniqueSql, [oid]);
  return {
    from: `${ident(schema)}.${ident(table)}`,
    stream,
    columns: columns.rows.map(columnOf),
    uniqueKeys: unique.rows.map((row) => ({
      columns: JSON.parse(row['columns'] ?? '[]') as string[],
      notNull: row['not_null'] === 't',
      immediate: row['immediate'] === 't',
    })),
  };
}

/** A query as a relation: PostgreSQL tells its columns without running it. */
export async function queryRelation(
  session: Session,
  stream: string,
  query: string,
): Promise<Relation> {
  const from = `(${query.trim().replace(/;\s*$/, '')}\n)`;
  const described = await session.query(`SELECT * FROM ${from} AS q LIMIT 0`);
  const columns = await session.query(
    `SELECT ${columnSql} FROM unnest($1::text[], $2::oid[], $3::int4[]) WITH ORDINALITY
       AS c(attname, atttypid, atttypmod, ord)
     CROSS JOIN LATERAL (SELECT c.attname, c.atttypid, c.atttypmod, false AS attnotnull,
       ''::"char" AS attgenerated, ''::"char" AS attidentity) a
     JOIN pg_type t ON t.oid = c.atttypid JOIN pg_namespace tn ON tn.oid = t.typnamespace ORDER BY c.ord`,
    [
      described.fields.map((field) => field.name),
      described.fields.map((field) => field.dataTypeID),
      described.fields.map((field) => field.dataTypeModifier),
    ],
  );
  return { from, stream, columns: columns.rows.map(columnOf), uniqueKeys: [] };
}

/** The names of all streams. */
export async function streamNames(session: Session): Promise<string[]> {
  const { rows } = await session.query(listSql);
  return rows.map((row) => row['name'] ?? '');
}

/** @throws ConfigError `unknown_field` */
export function columnNamed(relation: Relation, name: string, connection: string): Column {
  const column = relation.columns.find((each) => each.name === name);
  if (column) return column;
  const known = relation.columns.map((each) => each.name);
  throw new ConfigError(
    'unknown_field',
    `${connection}: "${relation.stream}" has no field "${name}"${nearestOf(name, known)}`,
    { connection },
  );
}

/** A column as the field of a stream. */
export function fieldOf(column: Column): Field {
  return {
    name: column.name,
    type: fieldTypeOf(column.base, column.category),
    native: column.native,
    nullable: !column.notNull,
  };
}

function columnOf(row: Readonly<Record<string, string | null>>): Column {
  return {
    name: row['name'] ?? '',
    native: row['native'] ?? '',
    base: row['base'] ?? '',
    builtin: row['builtin'] === 't',
    category: row['category'] ?? '',
    notNull: row['not_null'] === 't',
    generated: row['generated'] === 't',
    identityAlways: row['identity_always'] === 't',
  };
}

async function unknownStream(session: Session, stream: string): Promise<ConfigError> {
  const { schema, table } = splitStream(stream);
  const full = `${schema}.${table}`;
  const known = await streamNames(session);
  return new ConfigError(
    'unknown_stream',
    `${session.connection}: there is no table or view "${stream}"${nearestOf(full, known)}`,
    { connection: session.connection },
  );
}
