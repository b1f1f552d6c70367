import { createHash } from 'node:crypto';

/** Quotes an SQL identifier. */
export function ident(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Quotes a text as an SQL string literal; null becomes NULL. */
export function literal(text: string | null): string {
  if (text === null) return 'NULL';
  const quoted = `'${text.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`;
  return text.includes('\\') ? ` E${quoted}` : quoted;
}

/** Returns a short stable name for a text of any length, fit to be part of a table name. */
export function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** The name of a table or view. */
interface Named {
  readonly schema: string;
  readonly table: string;
}

const quoted = '"(?:[^"]|"")+"';
const asSql = new RegExp(`^(?:(${quoted}|[^".]+)\\.)?(${quoted}|.+)$`, 's');

/**
 * Splits a stream's name, `schema.table`, into schema and table. Either may be quoted as in SQL. The default schema is
 * `public`. A name without quotes is taken literally, and an unquoted schema ends at the first dot.
 */
export function splitStream(stream: string): Named {
  const [, schema = 'public', table = stream] = asSql.exec(stream) ?? [];
  return { schema: unquoted(schema), table: unquoted(table) };
}

/**
 * Returns everything that a stream's name may stand for, the most likely first, as a list of schemas and a list of
 * tables: an unquoted name may itself hold dots and quotation marks. They are the parameters of {@link namedSql}.
 */
export function possibleTables(stream: string): [schemas: string[], tables: string[]] {
  const dots = [...stream.matchAll(/\./g)].map(({ index }) => index);
  const [first, ...more] = dots.map((dot) => ({
    schema: stream.slice(0, dot),
    table: stream.slice(dot + 1),
  }));
  const plain = first ?? { schema: 'public', table: stream };
  const all = [plain, splitStream(stream), ...more];
  return [all.map(({ schema }) => schema), all.map(({ table }) => table)];
}

/**
 * FROM clause: the relations `c` in namespaces `n` that a stream's name may stand for, most likely first by `place`.
 * `$1` is the list of schemas, `$2` that of tables.
 */
export const namedSql = `unnest($1::text[], $2::text[]) WITH ORDINALITY AS named(schema, relation, place)
  JOIN pg_namespace n ON n.nspname = named.schema
  JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = named.relation AND c.relkind IN ('r', 'p', 'v', 'm', 'f')`;

/**
 * SQL expression: the stream name of the relation `c` in the namespace `n`, in a form that {@link possibleTables}
 * understands.
 */
export const streamSql = `CASE WHEN n.nspname LIKE '%.%' THEN '"' || replace(n.nspname, '"', '""') || '"'
  ELSE n.nspname END || '.' || c.relname`;

function unquoted(name: string): string {
  const isQuoted = name.length > 2 && name.startsWith('"') && name.endsWith('"');
  return isQuoted ? name.slice(1, -1).replaceAll('""', '"') : name;
}
