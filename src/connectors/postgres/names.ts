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

/** Schema and table of a stream's name; the schema is `public` unless said. */
export function splitStream(stream: string): { schema: string; table: string } {
  const dot = stream.indexOf('.');
  if (dot < 0) return { schema: 'public', table: stream };
  return { schema: stream.slice(0, dot), table: stream.slice(dot + 1) };
}
