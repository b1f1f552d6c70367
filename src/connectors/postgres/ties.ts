import type pg from 'pg';
import type { Column } from './catalog.ts';
import type { ChunkSql } from './chunk-sql.ts';
import { ident } from './names.ts';
import type { Session } from './session.ts';
import { normalisedKey } from './table.ts';
import type { Table } from './table.ts';

/** A foreign key by which records of a relation refer to others of the same relation. */
export interface SelfReference {
  /** The constraint. */
  readonly name: string;
  /** The columns that refer, and those that they refer to, in the same order. */
  readonly from: readonly string[];
  readonly to: readonly string[];
}

/**
 * How refused rows need each other. Rows of a table `faults` (see `Isolation`) are meant by their `again`, then by their
 * `free`. A tie that is overlooked, or seen where there is none, costs a try and nothing else.
 */
export interface Ties {
  /**
   * A query for what the rows with `again` wait for: `row` and `needs`, the row among them that must land with it; NULL
   * where none of them can help. Null: rows of this kind are never tied.
   */
  edges(references: readonly SelfReference[], faults: string): string | null;
  /** A statement that frees the unique values of the records which the rows with `free` update; null where none can be. */
  park(faults: string): string | null;
}

/** The foreign keys of a relation to itself. @param target what stands for it in a FROM clause */
export async function selfReferences(
  session: Session,
  client: pg.PoolClient,
  target: string,
): Promise<SelfReference[]> {
  const { rows } = await session.run(
    client,
    `SELECT c.conname AS name, ${columnNames('c.conkey')} AS own, ${columnNames('c.confkey')} AS other FROM pg_constraint c
     WHERE c.contype = 'f' AND c.conrelid = $1::regclass AND c.confrelid = c.conrelid`,
    [target],
  );
  return rows.map((row) => ({
    name: row['name'] ?? '',
    from: JSON.parse(row['own'] ?? '[]') as string[],
    to: JSON.parse(row['other'] ?? '[]') as string[],
  }));
}

/** A JSON list of the columns of a constraint `c`. @param numbers an array of their numbers */
function columnNames(numbers: string): string {
  return `(SELECT json_agg(a.attname ORDER BY k.ord) FROM unnest(${numbers}) WITH ORDINALITY k(num, ord)
    JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.num)`;
}

/** The ties of staged records: references to each other, and unique values that move from one to another. */
export function stagedTies(sql: ChunkSql, staged: string): Ties {
  return new StagedTies(sql, staged);
}

/** The ties of records to remove: one that another refers to goes with it. @param pinned the table of their keys */
export function removalTies(table: Table, pinned: string): Ties {
  const { from: target } = table.relation;
  const same = (record: string, row: string) =>
    table.key.map((column, at) => `${record}.${ident(column.name)} = ${row}.k${at}`).join(' AND ');
  return {
    edges(references, faults) {
      const known = references.filter(({ from, to }) => comparable(table, [...from, ...to]));
      if (known.length === 0) return null;
      const keys = table.key.map((_, at) => `p.k${at}`).join(', ');
      const parts = known.map(
        ({ from, to }) =>
          `SELECT p."row", o."row" AS needs FROM candidate p JOIN ${target} d ON ${same('d', 'p')}
           JOIN ${target} x ON ${equal(from, held('x'), to, held('d'))}
           LEFT JOIN candidate o ON ${same('x', 'o')}`,
      );
      return `WITH candidate AS MATERIALIZED (SELECT p.ctid AS "row", ${keys}
         FROM ${pinned} p JOIN ${faults} f ON f."row" = p.ctid WHERE f.again)
       ${parts.join(' UNION ALL ')}`;
    },
    park: () => null,
  };
}

class StagedTies implements Ties {
  readonly #sql: ChunkSql;
  readonly #staged: string;
  /** The unique keys that staged records assign whole. */
  readonly #uniques: readonly (readonly string[])[];

  constructor(sql: ChunkSql, staged: string) {
    this.#sql = sql;
    this.#staged = staged;
    this.#uniques = movable(sql.table).filter((columns) => this.#assigns(columns));
  }

  edges(references: readonly SelfReference[], faults: string): string | null {
    const assigned = references.filter(
      ({ from, to }) => this.#assigns(from) && comparable(this.#sql.table, [...from, ...to]),
    );
    const parts = [
      ...assigned.map((reference) => this.#referring(reference)),
      ...this.#uniques
        .filter((columns) => comparable(this.#sql.table, columns))
        .map((columns) => this.#moving(columns)),
    ];
    if (parts.length === 0) return null;
    const { key } = this.#sql;
    const values = this.#sql.table.relation.columns.flatMap((column, at) => {
      const value = this.#sql.valueOf(column);
      return value === null ? [] : [`${value} AS v${at}`];
    });
    const all = [...values, ...key.map((value, at) => `${value} AS k${at}`)];
    return `WITH candidate AS MATERIALIZED (SELECT s.ctid AS "row", ${all.join(', ')}
       FROM ${this.#staged} s JOIN ${faults} f ON f."row" = s.ctid WHERE f.again)
     ${parts.join(' UNION ALL ')}`;
  }

  park(faults: string): string | null {
    const { table, matches } = this.#sql;
    const sets = new Set(this.#uniques.flatMap((columns) => this.#parking(columns)));
    if (sets.size === 0) return null;
    // A record that lacks a field would not get back the value that it is parked without.
    return `UPDATE ${table.relation.from} AS d SET ${[...sets].join(', ')}
      FROM ${this.#staged} s JOIN ${faults} f ON f."row" = s.ctid
      WHERE ${matches} AND s._missing IS NULL AND f.free
        AND EXISTS (SELECT 1 FROM ${faults} u WHERE u.free AND u.code = '23505')`;
  }

  /** Records whose reference the destination lacks, with the one among them that would bring it. */
  #referring({ from, to }: SelfReference): string {
    const { table } = this.#sql;
    const brings = this.#assigns(to)
      ? equal(to, given('o', table), from, given('s', table))
      : 'false';
    const present = from.map((name) => `${given('s', table)(name)} IS NOT NULL`).join(' AND ');
    return `SELECT s."row", o."row" AS needs FROM candidate s LEFT JOIN candidate o ON ${brings}
      WHERE ${present} AND NOT EXISTS (SELECT 1 FROM ${table.relation.from} d
        WHERE ${equal(to, held('d'), from, given('s', table))})`;
  }

  /** Records whose unique value another record holds, with the one among them that is about to change that record. */
  #moving(columns: readonly string[]): string {
    const { table } = this.#sql;
    const is = (row: string) =>
      normalisedKey(table)
        .map((value, at) => `${value} = ${row}.k${at}`)
        .join(' AND ');
    return `SELECT s."row", o."row" AS needs FROM candidate s
      JOIN ${table.relation.from} d ON ${equal(columns, held('d'), columns, given('s', table))} AND NOT (${is('s')})
      LEFT JOIN candidate o ON ${is('o')}`;
  }

  /** An assignment that gives a unique key of `d` values which no other record has or is to have. */
  #parking(columns: readonly string[]): string[] {
    const { table } = this.#sql;
    const usable = columnsOf(table, columns).filter((column) => !table.key.includes(column));
    const nullable = usable.find((column) => !column.notNull);
    if (nullable) return [`${ident(nullable.name)} = NULL`];
    const assignments = usable.flatMap((column) => {
      const value = this.#placeholder(column);
      return value === null ? [] : [`${ident(column.name)} = (${value})::${column.native}`];
    });
    return assignments.slice(0, 1);
  }

  /** A value for a column that must not be null: a text by chance, a number above all others. */
  #placeholder(column: Column): string | null {
    const { name, base, category } = column;
    if (category === 'S' || base === 'uuid') return `md5(random()::text || s.ctid::text)`;
    if (!/^(smallint|integer|bigint|numeric)$/.test(base)) return null;
    const most = `SELECT max(x.${ident(name)}) FROM ${this.#sql.table.relation.from} x`;
    const coming = `SELECT max(${this.#sql.valueOf(column)}) FROM ${this.#staged} s`;
    const place = `(s.ctid::text::point)[0] * 300 + (s.ctid::text::point)[1]`;
    return `greatest((${most}), (${coming})) + (${place})::integer`;
  }

  #assigns(columns: readonly string[]): boolean {
    const { table } = this.#sql;
    return columnsOf(table, columns).every((column) => this.#sql.valueOf(column) !== null);
  }
}

function columnsOf({ relation }: Table, names: readonly string[]): Column[] {
  return relation.columns.filter((column) => names.includes(column.name));
}

/** The unique keys, other than what records are matched by, that are checked row by row. */
function movable({ relation, key }: Table): (readonly string[])[] {
  return relation.uniqueKeys
    .filter(({ columns, immediate }) => {
      const isKey = columns.every((name) => key.some((column) => column.name === name));
      return immediate && !isKey;
    })
    .map(({ columns }) => columns);
}

/** A column of a record of the destination. */
function held(record: string): (name: string) => string {
  return (name) => `${record}.${ident(name)}`;
}

/** A column of a candidate. */
function given(row: string, { relation }: Table): (name: string) => string {
  return (name) => `${row}.v${relation.columns.findIndex((column) => column.name === name)}`;
}

/** Whether the operators of the columns' types are in reach whatever the search path. */
function comparable(table: Table, names: readonly string[]): boolean {
  return columnsOf(table, names).every(({ builtin }) => builtin);
}

/** Where columns of one row equal those of another. */
function equal(
  left: readonly string[],
  a: (name: string) => string,
  right: readonly string[],
  b: (name: string) => string,
): string {
  return left.map((name, at) => `${a(name)} = ${b(right[at] ?? name)}`).join(' AND ');
}
