import type { PageRequest } from '../../contract/page.ts';
import type { Column, Relation } from '../catalog/catalog.ts';
import { comparable, equal, operator } from '../values/compare.ts';
import { ident, literal } from '../catalog/names.ts';
import { after, nameOf, sortedBy, valueOf } from '../values/order.ts';

/** The query of one page of a stream, and the columns that make its cursor. */
export interface PageQuery {
  readonly sql: string;
  /** The columns of the lines: the requested ones, then those that the cursor needs. */
  readonly columns: readonly Column[];
  /** Indexes in `columns` of the cursor's values; empty when the page is the whole stream. */
  readonly cursorAt: readonly number[];
  /** True when the page may end at any row. */
  readonly divisible: boolean;
}

/** The stream that pages are read from. */
export interface Readable {
  readonly relation: Relation;
  readonly watermark: Column | undefined;
  /** The SQL that is subtracted from the watermark at which an incremental read starts. */
  readonly lag: string | undefined;
  /** A unique key without nulls; undefined when nothing guarantees one. */
  readonly unique: readonly Column[] | undefined;
  /** True when every read is in order of the watermark, even one without `since`. */
  readonly byWatermark: boolean;
  /** The columns that then order rows with equal watermarks when there is no unique key. */
  readonly key: readonly Column[];
}

/** A part of a page's rows: those that meet the conditions, in order. */
interface Part {
  readonly conditions: readonly string[];
  readonly order: readonly Column[];
}

/** Returns the query of the page that `request` asks for. */
export function pageQuery(
  from: Readable,
  request: PageRequest,
  fields: readonly Column[],
): PageQuery {
  const { relation, unique, byWatermark } = from;
  const marked = byWatermark || request.since !== null ? from.watermark : undefined;
  const ties = unique ?? (byWatermark ? from.key : []);
  const order = marked ? [marked, ...ties] : ties;
  const columns = [...fields];
  const cursorAt = order.map((column) => placeOf(columns, column));
  const parts = marked ? changed(from, marked, ties, request) : [whole(ties, request.cursor)];
  const count = Math.max(1, Math.floor(request.limit.records));
  // Without a unique key, rows that are equal in the order can only be read together.
  const limit = unique ? `LIMIT ${count}` : `FETCH FIRST ${count} ROWS WITH TIES`;
  const names = columns.map(selected).join(', ');
  const selects = parts.map((part, at) => {
    const conditions = at === 0 ? part.conditions : [...part.conditions, unfilled(at, count)];
    const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
    return `SELECT ${names} FROM ${relation.from} AS q${where}${sorted(part.order, limit)}`;
  });
  return {
    sql: chained(selects, sorted(order, limit)),
    columns,
    cursorAt,
    divisible: unique !== undefined,
  };
}

/** Selects the rows of a full read, in order of the unique key. */
function whole(unique: readonly Column[], cursor: string | null): Part {
  return { conditions: cursor === null ? [] : [after(unique, parse(cursor), 'q')], order: unique };
}

/**
 * Selects the rows within the bounds by watermark and key, then those without a watermark, since nobody can say whether
 * they changed. The remaining rows that share the cursor's watermark are selected by key alone. So the index of the key
 * pages a table whose rows all got one timestamp at once.
 */
function changed(
  { lag }: Readable,
  watermark: Column,
  ties: readonly Column[],
  request: PageRequest,
): Part[] {
  const cursor = request.cursor === null ? null : parse(request.cursor);
  const [last = null, ...rest] = cursor ?? [];
  const name = `q.${ident(watermark.name)}`;
  const marked = nameOf(watermark, 'q');
  const undated = { conditions: [`${name} IS NULL`], order: ties };
  const beyond = ties.length === 0 ? 'false' : after(ties, rest, 'q');
  if (cursor !== null && last === null)
    return [{ ...undated, conditions: [...undated.conditions, beyond] }];
  const place = valueOf(watermark, last);
  const dated = {
    conditions: [
      ...(cursor === null
        ? sinceOf(watermark, request, lag)
        : [`${marked} ${operator(watermark, 'greater')} ${place}`]),
      ...upTo(watermark, request),
    ],
    order: [watermark, ...ties],
  };
  const same = { conditions: [equal(watermark, marked, place), beyond], order: ties };
  return [
    ...(cursor === null || ties.length === 0 ? [] : [same]),
    dated,
    ...(watermark.notNull ? [] : [undated]),
  ];
}

function placeOf(columns: Column[], column: Column): number {
  const at = columns.findIndex((each) => each.name === column.name);
  return at >= 0 ? at : columns.push(column) - 1;
}

/** Starts at the last watermark itself, not after it: more rows with that watermark may have come since. */
function sinceOf(watermark: Column, { since }: PageRequest, lag: string | undefined): string[] {
  const name = `q.${ident(watermark.name)}`;
  if (since === null) return watermark.notNull ? [] : [`${name} IS NOT NULL`];
  const start = `${literal(since)}::${watermark.base}`;
  const from = lag === undefined ? start : `(${start} OPERATOR(pg_catalog.-) ${lag})`;
  return [
    `${nameOf(watermark, 'q')} ${operator(watermark, 'atLeast')} ${comparable(watermark, from)}`,
  ];
}

function upTo(watermark: Column, { until }: PageRequest): string[] {
  if (until === null) return [];
  return [
    `${nameOf(watermark, 'q')} ${operator(watermark, 'atMost')} ${valueOf(watermark, until)}`,
  ];
}

function sorted(order: readonly Column[], limit: string): string {
  if (order.length === 0) return '';
  return ` ORDER BY ${sortedBy(order, 'q')} ${limit}`;
}

/**
 * Returns SQL that reads a column. A `char(5)` is read as text, which drops the blanks that pad it; they are no part of
 * the value.
 */
function selected(column: Column): string {
  const name = `q.${ident(column.name)}`;
  return column.base === 'bpchar' ? `${name}::text AS ${ident(column.name)}` : name;
}

/** Chains the selects. Each runs only when those before it have not filled the page. */
function chained(selects: readonly string[], order: string): string {
  const [only = ''] = selects;
  if (selects.length === 1) return only;
  const parts = selects.map((select, at) => `${partName(at)} AS (${select})`).join(', ');
  const all = selects.map((_, at) => `SELECT * FROM ${partName(at)}`).join(' UNION ALL ');
  return `WITH ${parts} SELECT * FROM (${all}) AS q${order}`;
}

/** SQL: true when the parts before this one have left room on the page. */
function unfilled(part: number, count: number): string {
  const counts = Array.from({ length: part }, (_, at) => `(SELECT count(*) FROM ${partName(at)})`);
  return `${counts.join(' + ')} < ${count}`;
}

/** Returns the name of a part, one that no query of a user's would have. */
function partName(at: number): string {
  return ident(`sluice page ${at}`);
}

function parse(cursor: string): (string | null)[] {
  return JSON.parse(cursor) as (string | null)[];
}
