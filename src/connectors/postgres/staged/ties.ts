import type { Column, UniqueKey } from '../catalog/catalog.ts';
import type { ChunkSql } from './chunk-sql.ts';
import { ident } from '../catalog/names.ts';
import { lengthLimit, tooLong } from './refusals.ts';
import type { Check, Reference, Rules } from '../catalog/rules.ts';
import { comparable, equal } from '../values/compare.ts';
import { hasKey, type Table } from '../catalog/table.ts';

/**
 * Finds the rows of a statement that wait for each other, as far as rules and values tell. It is only a hint: a tie
 * that is overlooked, or found where there is none, costs extra tries and nothing else.
 */
export interface Ties {
  /**
   * Returns a query for pairs of `row` and `needs`: another of the rows, which must be written together with it, or
   * NULL when none of the rows can help. Returns null when rows of this kind are never tied.
   * @param rows a query for the rows, as `row`
   */
  edges(rules: Rules, rows: string): string | null;
  /**
   * Returns a statement that frees the unique values of the records to update, so that other rows can take them. It
   * covers the rows with `free` in the table `faults` (see `Isolation`). Null when no value can be freed.
   */
  park(faults: string): string | null;
}

/** Returns the ties of staged records: references to each other, and unique values that move from one to another. */
export function stagedTies(sql: ChunkSql, staged: string): Ties {
  return new StagedTies(sql, staged);
}

/**
 * Returns the ties of records to remove: one that another refers to is removed with it.
 * @param pinned the table of their keys
 */
export function removalTies(table: Table, pinned: string): Ties {
  const { from: target } = table.relation;
  const same = (record: string, row: string) =>
    table.key
      .map((column, at) =>
        equal(
          column,
          comparable(column, `${record}.${ident(column.name)}`),
          comparable(column, `${row}.k${at}`),
        ),
      )
      .join(' AND ');
  const referred = ({ from, to, other, self }: Reference): string =>
    `SELECT p."row", ${self ? 'o."row"' : 'NULL::tid'} AS needs FROM candidate p JOIN ${target} d ON ${same('d', 'p')}
     JOIN ${other} x ON ${allEqual(from, held('x'), to, held('d'))}
     ${self ? `LEFT JOIN candidate o ON ${same('x', 'o')}` : ''}`;
  return {
    edges({ incoming }, rows) {
      const known = incoming.filter(({ to }) => areBuiltin(table, to));
      if (known.length === 0) return null;
      const keys = table.key.map((_, at) => `p.k${at}`).join(', ');
      return `WITH candidate AS MATERIALIZED (SELECT p.ctid AS "row", ${keys}
         FROM ${pinned} p JOIN (${rows}) r ON r."row" = p.ctid)
       ${known.map(referred).join(' UNION ALL ')}`;
    },
    park: () => null,
  };
}

/** A column that gets a value, and the value's name among the candidates. */
interface Candidate {
  readonly column: Column;
  readonly value: string;
  readonly name: string;
}

class StagedTies implements Ties {
  readonly #sql: ChunkSql;
  readonly #staged: string;
  /** The unique keys whose columns staged records assign completely. */
  readonly #uniques: readonly UniqueKey[];

  constructor(sql: ChunkSql, staged: string) {
    this.#sql = sql;
    this.#staged = staged;
    this.#uniques = movable(sql.table).filter(({ columns }) => this.#assigns(columns));
  }

  edges({ outgoing, checks }: Rules, rows: string): string | null {
    const references = outgoing.filter(({ from }) => this.#knows(from));
    const uniques = this.#uniques.filter(({ columns }) => this.#knows(columns));
    const tests = checks.filter(({ columns }) => this.#assigns(columns));
    const picky = this.#values.filter(
      ({ column }) => column.notNull || lengthLimit(column) !== null,
    );
    const used = new Set([
      ...references.flatMap(({ from, to, self }) => (self ? [...from, ...to] : from)),
      ...[...uniques, ...tests].flatMap(({ columns }) => columns),
      ...picky.map(({ column }) => column.name),
    ]);
    if (used.size === 0) return null;
    const parts = [
      ...references.map((each) => this.#referring(each)),
      ...uniques.map((each) => this.#moving(each)),
      ...tests.map((each) => this.#failing(each)),
      ...(picky.length > 0 ? [unfit(picky)] : []),
    ];
    const values = this.#values.filter(({ column }) => used.has(column.name));
    const columns = [
      's.ctid AS "row"',
      ...values.map(({ value, name }) => `${value} AS ${name}`),
      ...this.#sql.key.map((value, at) => `${value} AS k${at}`),
    ];
    return `WITH candidate AS MATERIALIZED (SELECT ${columns.join(', ')}
       FROM ${this.#staged} s JOIN (${rows}) r ON r."row" = s.ctid)
     SELECT * FROM (${parts.join(' UNION ALL ')}) e ("row", needs)`;
  }

  park(faults: string): string | null {
    const { table, matches } = this.#sql;
    // A deferrable constraint is deferred, and needs no parking.
    const immediate = this.#uniques.filter((each) => each.immediate);
    const sets = new Set(immediate.flatMap(({ columns }) => this.#parking(columns)));
    if (sets.size === 0) return null;
    // A record that lacks a field would not get its value back, so it is not parked.
    return `UPDATE ${table.relation.from} AS d SET ${[...sets].join(', ')}
      FROM ${this.#staged} s JOIN ${faults} f ON f."row" = s.ctid
      WHERE ${matches} AND s._missing IS NULL AND f.free
        AND EXISTS (SELECT 1 FROM ${faults} u WHERE u.free AND u.code = '23505')`;
  }

  /**
   * Selects records that refer to a record which the destination lacks, with the row among them that would create it.
   */
  #referring({ from, to, other, self }: Reference): string {
    const { table } = this.#sql;
    const value = given('s', table);
    const brings = self && this.#knows(to) ? allEqual(to, given('o', table), from, value) : 'false';
    const present = from.map((name) => `${value(name)} IS NOT NULL`).join(' AND ');
    return `SELECT s."row", o."row" AS needs FROM candidate s LEFT JOIN candidate o ON ${brings}
      WHERE ${present} AND NOT EXISTS (SELECT 1 FROM ${other} d WHERE ${allEqual(to, held('d'), from, value)})`;
  }

  /** Selects records that a CHECK constraint refuses as they are. */
  #failing({ columns, condition }: Check): string {
    const { relation } = this.#sql.table;
    const row = columnsOf(this.#sql.table, columns).map(
      (column) => `s.v${relation.columns.indexOf(column)} AS ${ident(column.name)}`,
    );
    return `SELECT c.sluice_row, NULL::tid FROM (SELECT ${['s."row" AS sluice_row', ...row].join(', ')}
      FROM candidate s) c WHERE NOT (${condition})`;
  }

  /**
   * Selects records whose unique value another record holds, with the row among them that is about to change that
   * record.
   */
  #moving({ columns }: UniqueKey): string {
    const { table } = this.#sql;
    const is = (row: string) =>
      hasKey(
        table,
        table.key.map((_, at) => `${row}.k${at}`),
      );
    return `SELECT s."row", o."row" AS needs FROM candidate s
      JOIN ${table.relation.from} d ON ${allEqual(columns, held('d'), columns, given('s', table))} AND NOT (${is('s')})
      LEFT JOIN candidate o ON ${is('o')}`;
  }

  /** Returns an assignment that gives a unique key of `d` values which no other record has or will get. */
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

  /** Returns SQL for a placeholder in a column that must not be null: a random text, or a number above all others. */
  #placeholder(column: Column): string | null {
    const { name, base, category } = column;
    if (category === 'S' || base === 'uuid') return `md5(random()::text || s.ctid::text)`;
    if (!/^(smallint|integer|bigint|numeric)$/.test(base)) return null;
    const most = `SELECT max(x.${ident(name)}) FROM ${this.#sql.table.relation.from} x`;
    const coming = `SELECT max(${this.#sql.valueOf(column)}) FROM ${this.#staged} s`;
    const place = `(s.ctid::text::point)[0] * 300 + (s.ctid::text::point)[1]`;
    return `greatest((${most}), (${coming})) + (${place})::integer`;
  }

  get #values(): Candidate[] {
    return this.#sql.table.relation.columns.flatMap((column, at) => {
      const value = this.#sql.valueOf(column);
      return value === null ? [] : [{ column, value, name: `v${at}` }];
    });
  }

  #assigns(columns: readonly string[]): boolean {
    const { table } = this.#sql;
    return columnsOf(table, columns).every((column) => this.#sql.valueOf(column) !== null);
  }

  #knows(columns: readonly string[]): boolean {
    return this.#assigns(columns) && areBuiltin(this.#sql.table, columns);
  }
}

/** Selects candidates with a value that its column cannot take. */
function unfit(picky: readonly Candidate[]): string {
  const values = picky.map(({ column, name }) => ({ column, value: `s.${name}` }));
  const nulls = values.filter(({ column }) => column.notNull);
  const tests = [...nulls.map(({ value }) => `${value} IS NULL`), `${tooLong(values)} IS NOT NULL`];
  return `SELECT s."row", NULL::tid FROM candidate s WHERE ${tests.join(' OR ')}`;
}

function columnsOf({ relation }: Table, names: readonly string[]): Column[] {
  return relation.columns.filter((column) => names.includes(column.name));
}

/** Returns the unique keys other than the one by which records are matched. */
function movable({ relation, key }: Table): UniqueKey[] {
  const isKey = (name: string) => key.some((column) => column.name === name);
  return relation.uniqueKeys.filter(({ columns }) => !columns.every(isKey));
}

/** Returns SQL for a column of a record of the destination. */
function held(record: string): (name: string) => string {
  return (name) => `${record}.${ident(name)}`;
}

/** Returns SQL for a column of a candidate. */
function given(row: string, { relation }: Table): (name: string) => string {
  return (name) => `${row}.v${relation.columns.findIndex((column) => column.name === name)}`;
}

/** True when the operators of the columns' types are found whatever the search path. */
function areBuiltin(table: Table, names: readonly string[]): boolean {
  return columnsOf(table, names).every(({ builtin }) => builtin);
}

/** SQL condition: columns of one row equal those of another. */
function allEqual(
  left: readonly string[],
  a: (name: string) => string,
  right: readonly string[],
  b: (name: string) => string,
): string {
  return left.map((name, at) => `${a(name)} = ${b(right[at] ?? name)}`).join(' AND ');
}
