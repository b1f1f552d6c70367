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
  /** A unique key without nulls; undefined where nothing guarantees one. */
  readonly unique: readonly Column[] | undefined;
}

/** The query of the page that `request` asks for. */
export function pageQuery(
  from: Readable,
  request: PageRequest,
  fields: readonly Column[],
): PageQuery {
  const incremental = request.since !== null && from.watermark !== undefined;
  const order = incremental
    ? [from.watermark, ...(from.unique ?? [])].filter((each) => each !== undefined)
    : (from.unique ?? []);
  const columns = [...fields];
  const cursorAt = order.map((column) => placeOf(columns, column));
  const conditions = incremental && from.watermark ? bounds(from.watermark, request) : [];
  if (request.cursor !== null) conditions.push(after(order, request.cursor));
  const where = conditions.length > 0 ? ` WHERE ${conditions.join(' AND ')}` : '';
  const names = columns.map((column) => `q.${ident(column.name)}`);
  const select = `SELECT ${names.join(', ')} FROM ${from.relation.from} AS q${where}`;
  if (order.length === 0) return { sql: select, columns, cursorAt, divisible: false };
  const sorted = `${select} ORDER BY ${order.map((column) => `q.${ident(column.name)}`).join(', ')}`;
  const count = Math.max(1, Math.floor(request.limit.records));
  // Rows that share a watermark and have no unique key can only be read together.
  const limit = from.unique ? `LIMIT ${count}` : `FETCH FIRST ${count} ROWS WITH TIES`;
  return { sql: `${sorted} ${limit}`, columns, cursorAt, divisible: from.unique !== undefined };
}

function placeOf(columns: Column[], column: Column): number {
  const at = columns.findIndex((each) => each.name === column.name);
  return at >= 0 ? at : columns.push(column) - 1;
}

function bounds(watermark: Column, request: PageRequest): string[] {
  const name = `q.${ident(watermark.name)}`;
  const all = [`${name} > ${literal(request.since)}::${watermark.base}`];
  if (request.until !== null) all.push(`${name} <= ${literal(request.until)}::${watermark.base}`);
  return all;
}

function after(order: readonly Column[], cursor: string): string {
  const values = JSON.parse(cursor) as string[];
  const names = order.map((column) => `q.${ident(column.name)}`);
  const typed = order.map((column, at) => `${literal(values[at] ?? null)}::${column.base}`);
  return `(${names.join(', ')}) > (${typed.join(', ')})`;
}
