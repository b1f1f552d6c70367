import { ConfigError } from '../../../model/failure.ts';
import type { Field } from '../../../model/field.ts';
import { fieldTypeOf } from './field-types.ts';
import { ident, namedSql, possibleTables, splitStream, streamSql } from './names.ts';
import { defaultOperators, type Operators } from './operators.ts';
import { nearestOf } from '../../../model/nearest.ts';
import type { Session, TextRow } from '../link/session.ts';

/** One column of a relation. */
export interface Column {
  readonly name: string;
  /** The type with its modifier, such as `numeric(10,2)`. For a domain, the domain's name. */
  readonly native: string;
  /** The type below any domain, without modifier. A cast to it never truncates. */
  readonly base: string;
  /** The type below any domain, with its modifier: a stored value becomes one of these. */
  readonly stored: string;
  readonly builtin: boolean;
  /** PostgreSQL's type category: `S` text, `A` array, … */
  readonly category: string;
  /** The operators that compare its values; null when its type has no order, then their texts are compared. */
  readonly operators: Operators | null;
  /** The column's own collation, as SQL; null when it has its type's. */
  readonly collation: string | null;
  /** True when texts that the column holds equal are identical, because its collation folds nothing. */
  readonly deterministic: boolean;
  readonly notNull: boolean;
  readonly generated: boolean;
  readonly identityAlways: boolean;
}

/** Columns that are unique together, by the equality of their types. */
export interface UniqueKey {
  readonly columns: readonly string[];
  /** True when every row has values in all of them. */
  readonly notNull: boolean;
  /** True when it holds among all rows. False for a table with children, which have indexes of their own. */
  readonly everywhere: boolean;
  /** True when it is checked as each row is written, false when at the transaction's end. */
  readonly immediate: boolean;
}

/** A table, view or query that can be read. */
export interface Relation {
  /** The SQL that names it in a FROM clause. */
  readonly from: string;
  readonly stream: string;
  readonly columns: readonly Column[];
  /** The primary key comes first. Empty for views and queries. */
  readonly uniqueKeys: readonly UniqueKey[];
}

/**
 * SQL: true when a collation treats different texts as equal; null where the server does not say (before PostgreSQL
 * 12).
 */
function folds(collation: string): string {
  return `(to_jsonb(${collation})->>'collisdeterministic' = 'false')`;
}

/** The columns of {@link Column} for the attributes `a`, whose types below any domain are `t`. */
const columnSql = `a.attname AS name, format_type(a.atttypid, a.atttypmod) AS native,
  format_type(t.oid, -1) AS base, format_type(t.oid, g.typmod) AS stored, tn.nspname = 'pg_catalog' AS builtin,
  t.typcategory AS category, a.proven AS not_null, a.attgenerated <> '' AS generated,
  a.attidentity = 'a' AS identity_always, o.schema AS operator_schema, o.equal, o.greater, o.at_least, o.at_most,
  t.typcategory = 'A' AND oe.equal IS NULL AS unordered,
  CASE WHEN a.attcollation NOT IN (0, t.typcollation) THEN quote_ident(cn.nspname) || '.' || quote_ident(co.collname) END AS collation,
  ${folds('co')} IS NOT TRUE AS deterministic`;

/** For attributes `a`: `g`, their types below any domain with the modifier there, and `t`, those types' own rows. */
export const belowDomains = `CROSS JOIN LATERAL (
    WITH RECURSIVE below AS (
      SELECT oid, typtype, typbasetype, typtypmod, a.atttypmod AS typmod FROM pg_type WHERE oid = a.atttypid
      UNION ALL SELECT t.oid, t.typtype, t.typbasetype, t.typtypmod, below.typtypmod
      FROM below JOIN pg_type t ON t.oid = below.typbasetype WHERE below.typtype = 'd')
    SELECT oid, typmod FROM below WHERE typtype <> 'd') g
  JOIN pg_type t ON t.oid = g.oid`;

const columnJoins = `${belowDomains} JOIN pg_namespace tn ON tn.oid = t.typnamespace
  LEFT JOIN pg_type e ON e.oid = t.typelem
  LEFT JOIN ${defaultOperators('t')} o ON true LEFT JOIN ${defaultOperators('e')} oe ON true
  LEFT JOIN pg_collation co ON co.oid = a.attcollation LEFT JOIN pg_namespace cn ON cn.oid = co.collnamespace`;

const listSql = `SELECT ${streamSql} AS name
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  ORDER BY 1`;

/**
 * Unique indexes that use the columns' own equality. An index with another operator class or collation may hold two
 * values apart that `=` holds equal: `text_pattern_ops` over citext tells `Ada` from `ada`.
 */
const uniqueSql = `SELECT i.indimmediate AS immediate, json_agg(a.attname ORDER BY k.ord) AS columns
  FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey::int2[], i.indclass::oid[], i.indcollation::oid[])
    WITH ORDINALITY AS k(attnum, class, folding, ord)
  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
  JOIN pg_opclass c ON c.oid = k.class
  LEFT JOIN pg_opclass own ON own.opcdefault AND own.opcmethod = c.opcmethod AND own.opcintype = a.atttypid
  LEFT JOIN pg_collation co ON co.oid = a.attcollation
  WHERE i.indrelid = $1 AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
    AND i.indexprs IS NULL AND k.ord <= i.indnkeyatts
  GROUP BY i.indexrelid, i.indisprimary, i.indimmediate, i.indnkeyatts
  HAVING bool_and(c.opcdefault AND coalesce(own.oid = c.oid, true)
    AND (k.folding = a.attcollation OR ${folds('co')} IS NOT TRUE))
  ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid`;

/**
 * SQL: true when a relation's own constraints do not cover all its rows. The children of an inherited table have their
 * own, and nothing enforces those of a foreign table.
 */
export const unprovenSql = `CASE c.relkind WHEN 'f' THEN true WHEN 'p' THEN false
  ELSE EXISTS (SELECT FROM pg_inherits WHERE inhparent = c.oid) END`;

/**
 * SQL: true when the column of a row of `pg_attribute` is declared never to be null, and every row was checked for it.
 */
export const notNullSql = `attnotnull AND NOT EXISTS (
  SELECT FROM pg_constraint WHERE conrelid = attrelid AND contype = 'n' AND NOT convalidated AND attnum = ANY(conkey))`;

/** @throws ConfigError `unknown_stream` */
export async function relationOf(session: Session, stream: string): Promise<Relation> {
  const found = await session.query(
    `SELECT c.oid, n.nspname AS schema, c.relname AS "table", ${unprovenSql} AS unproven
     FROM ${namedSql} ORDER BY place LIMIT 1`,
    possibleTables(stream),
  );
  const { oid, schema, table, unproven } = found.rows[0] ?? {};
  if (!oid || !schema || !table) throw await unknownStream(session, stream);
  const { rows } = await session.query(
    `SELECT ${columnSql} FROM (SELECT *, ${notNullSql} AND NOT $2::boolean AS proven FROM pg_attribute) a ${columnJoins}
     WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`,
    [oid, unproven],
  );
  const columns = rows.map(columnOf);
  const unique = await session.query(uniqueSql, [oid]);
  return {
    from: `${ident(schema)}.${ident(table)}`,
    stream,
    columns,
    uniqueKeys: unique.rows.map((row) => keyOf(row, columns, unproven === 't')),
  };
}

/** Returns a query as a relation. PostgreSQL tells the query's columns without running it. */
export async function queryRelation(
  session: Session,
  stream: string,
  query: string,
): Promise<Relation> {
  const from = `(${query.trim().replace(/;\s*$/, '')}\n)`;
  const described = await session.query(`SELECT * FROM ${from} AS q LIMIT 0`);
  const columns = await session.query(
    `SELECT ${columnSql} FROM (SELECT *, 0::oid AS attcollation, false AS proven, ''::"char" AS attgenerated,
         ''::"char" AS attidentity FROM unnest($1::text[], $2::oid[], $3::int4[]) WITH ORDINALITY
         AS c(attname, atttypid, atttypmod, ord)) a ${columnJoins} ORDER BY a.ord`,
    [
      described.fields.map((field) => field.name),
      described.fields.map((field) => field.dataTypeID),
      described.fields.map((field) => field.dataTypeModifier),
    ],
  );
  return { from, stream, columns: columns.rows.map(columnOf), uniqueKeys: [] };
}

/** Returns the names of all streams. */
export async function streamNames(session: Session): Promise<string[]> {
  const { rows } = await session.query(listSql);
  return rows.map((row) => row['name'] ?? '');
}

/**
 * Finds a column by name.
 * @throws ConfigError `unknown_field`
 */
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

/** Returns a column as the field of a stream. */
export function fieldOf(column: Column): Field {
  return {
    name: column.name,
    type: fieldTypeOf(column.base, column.category),
    native: column.native,
    nullable: !column.notNull,
  };
}

function keyOf(row: TextRow, columns: readonly Column[], unproven: boolean): UniqueKey {
  const names = JSON.parse(row['columns'] ?? '[]') as string[];
  const notNull = names.every((name) => columns.find((each) => each.name === name)?.notNull);
  const immediate = row['immediate'] === 't';
  return { columns: names, notNull, everywhere: !unproven, immediate };
}

function columnOf(row: TextRow): Column {
  return {
    name: row['name'] ?? '',
    native: row['native'] ?? '',
    base: row['base'] ?? '',
    stored: row['stored'] ?? '',
    builtin: row['builtin'] === 't',
    category: row['category'] ?? '',
    operators: row['unordered'] === 't' ? null : operatorsOf(row),
    collation: row['collation'] ?? null,
    deterministic: row['deterministic'] === 't',
    notNull: row['not_null'] === 't',
    generated: row['generated'] === 't',
    identityAlways: row['identity_always'] === 't',
  };
}

function operatorsOf(row: TextRow): Operators | null {
  const { operator_schema: schema, equal, greater, at_least: atLeast, at_most: atMost } = row;
  if (!schema || !equal || !greater || !atLeast || !atMost) return null;
  const named = (operator: string) => `OPERATOR(${ident(schema)}.${operator})`;
  return {
    equal: named(equal),
    greater: named(greater),
    atLeast: named(atLeast),
    atMost: named(atMost),
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
