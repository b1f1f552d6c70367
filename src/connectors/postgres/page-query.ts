import type { PageRequest } from '../source.ts';
import type { Column, Relation } from './catalog.ts';
import { ident, literal } from './names.ts';

/** How a stream is paged: the SQL of one page, and which of its columns make the cursor. */
export interface PageQuery {
  readonly sql: string;
  /** The columns of the lines: the requested ones, then those the cursor needs. */
  readonly columns: readonly Column[];
  /** Places in `columns` of the cursor's values; empty where the page is the whole stream. */
  readonly cursorAt: readonly number[];
  /** Whether the page may be ended at any row. */
  readonly divisible: boolean;
}

/** What a page is read from. */
export interface Readable {
  readonly relation: Relation;
  readonly watermark: Column | undefined;
  /** What is subtracted from the watermark that an incremental read starts at, as SQL. */
  readonly lag: string | undefined;
  /** A unique key without nulls; undefined where nothing guarantees one. */
  readonly unique: readonly Column[] | undefined;
}

/** The query of the page that `request` asks for. */
export function pageQuery(
  from: Readable,
  request: PageRequest,
  fields: readonly Column[],
): PageQuery {
  const unique = from.unique ?? [];
  const marked = request.since === null ? undefined : from.watermark;
  const order = marked ? [marked, ...unique] : unique;
  const columns = [...fields];
  const cursorAt = order.map((column) => placeOf(columns, column));
  const parts = marked ? changed(from, marked, request) : [whole(unique, request.cursor)];
  const names = columns.map((column) => `q.${ident(column.name)}`).join(', ');
  const selects = parts.map(
    (conditions) =>
      `SELECT ${names} FROM ${from.relation.from} AS q${conditions.length > 0 ? ' WHERE ' : ''}${conditions.join(' AND ')}`,
  );
  const [only = ''] = selects;
  if (order.length === 0) return { sql: only, columns, cursorAt, divisible: false };
  const sorted = ` ORDER BY ${order.map((column) => `q.${ident(column.name)}`).join(', ')}`;
  const count = Math.max(1, Math.floor(request.limit.records));
  // Rows that share a watermark and have no unique key can only be read together.
  const limit = from.unique ? ` LIMIT ${count}` : ` FETCH FIRST ${count} ROWS WITH TIES`;
  const limited = selects.map((select) => `${select}${sorted}${limit}`);
  const sql =
    limited.length === 1
      ? `${only}${sorted}${limit}`
      : `SELECT * FROM (${limited.map((each) => `(${each})`).join(' UNION ALL ')}) AS q${sorted}${limit}`;
  return { sql, columns, cursorAt, divisible: from.unique !== undefined };
}

/** A full read, by the unique key. */
function whole(unique: readonly Column[], cursor: string | null): string[] {
  return cursor === null ? [] : [after(unique, parse(cursor))];
}

/**
 * An incremental read: the rows within the bounds by watermark and key, then those without a watermark, of which
 * nobody can say whether they changed.
 */
function changed(from: Readable, watermark: Column, request: PageRequest): string[][] {
  const unique = from.unique ?? [];
  const cursor = request.cursor === null ? null : parse(request.cursor);
  const name = `q.${ident(watermark.name)}`;
  if (cursor !== null && cursor[0] === null) {
    const rest = unique.length === 0 ? 'false' : after(unique, cursor.slice(1));
    return [[`${name} IS NULL`, rest]];
  }
  const dated = bounds(watermark, request, from.lag);
  if (cursor !== null) dated.push(after([watermark, ...unique], cursor));
  return watermark.notNull ? [dated] : [dated, [`${name} IS NULL`]];
}

function placeOf(columns: Column[], column: Column): number {
  const at = columns.findIndex((each) => each.name === column.name);
  return at >= 0 ? at : columns.push(column) - 1;
}

function bounds(watermark: Column, request: PageRequest, lag: string | undefined): string[] {
  const name = `q.${ident(watermark.name)}`;
  const since = `${literal(request.since)}::${watermark.base}`;
  // Rows as old as the last one read may have come since: they are read again.
  const all = [`${name} >= ${lag === undefined ? since : `(${since} - ${lag})`}`];
  if (request.until !== null) all.push(`${name} <= ${literal(request.until)}::${watermark.base}`);
  return all;
}

function parse(cursor: string): (string | null)[] {
  return JSON.parse(cursor) as (string | null)[];
}

function after(order: readonly Column[], values: readonly (string | null)[]): string {
  const names = order.map((column) => `q.${ident(column.name)}`);
  const typed = order.map((column, at) => `${literal(values[at] ?? null)}::${column.base}`);
  return `(${names.join(', ')}) > (${typed.join(', ')})`;
}
