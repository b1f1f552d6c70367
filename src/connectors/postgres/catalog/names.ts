import { createHash } from 'node:crypto';

/** An SQL identifier, quoted. */
export function ident(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** An SQL string literal, or NULL. */
export function literal(text: string | null): string {
  if (text === null) return 'NULL';
  const quoted = `'${text.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`;
  return text.includes('\\') ? ` E${quoted}` : quoted;
}

/** A short stable name for a text of any length, fit for a part of a table name. */
export function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** A table or view by its name. */
interface Named {
  readonly schema: string;
  readonly table: string;
}

const quoted = '"(?:[^"]|"")+"';
const asSql = new RegExp(`^(?:(${quoted}|[^".]+)\\.)?(${quoted}|.+)$`, 's');

/**
 * Schema and table of a stream's name, `schema.table`, either of them quoted as in SQL or not; the schema is `public`
 * unless said. A name without quotes is as it is written, and ends at the first dot if it is the schema's.
 */
export function splitStream(stream: string): Named {
  const [, schema = 'public', table = stream] = asSql.exec(stream) ?? [];
  return { schema: unquoted(schema), table: unquoted(table) };
}

/**
 * All that a stream's name may stand for, the likeliest first, as a list of schemas and one of tables: a name may hold
 * dots and quotation marks itself. Parameters of {@link namedSql}.
 */
export function readingsOf(stream: string): [schemas: string[], tables: string[]] {
  const dots = [...stream.matchAll(/\./g)].map(({ index }) => index);
  const [first, ...more] = dots.map((dot) => ({
    schema: stream.slice(0, dot),
    table: stream.slice(dot + 1),
  }));
  const plain = first ?? { schema: 'public', table: stream };
  const all = [plain, splitStream(stream), ...more];
  return [all.map(({ schema }) => schema), all.map(({ table }) => table)];
}

/** The relations `c` in namespaces `n` that a stream's name may stand for, by `place`: `$1` schemas, `$2` tables. */
export const namedSql = `unnest($1::text[], $2::text[]) WITH ORDINALITY AS named(schema, relation, place)
  JOIN pg_namespace n ON n.nspname = named.schema
  JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = named.relation AND c.relkind IN ('r', 'p', 'v', 'm', 'f')`;

/** The name of the stream that stands for the relation `c` in the namespace `n`, as SQL; {@link readingsOf} knows it. */
export const streamSql = `CASE WHEN n.nspname LIKE '%.%' THEN '"' || replace(n.nspname, '"', '""') || '"'
  ELSE n.nspname END || '.' || c.relname`;

function unquoted(name: string): string {
  const isQuoted = name.length > 2 && name.startsWith('"') && name.endsWith('"');
  return isQuoted ? name.slice(1, -1).replaceAll('""', '"') : name;
}
