import type { StagedLayout } from '../../contract/staging.ts';
import type { Column } from '../catalog/catalog.ts';
import { columnNamed } from '../catalog/catalog.ts';
import { ident, literal } from '../catalog/names.ts';
import { coerced, coerces, fromText } from '../values/cast.ts';
import { anyDiffers, equalsExactly, type Pair } from '../values/compare.ts';
import { foldsKeys, hasKey, keyOf, matchesExactly } from '../catalog/table.ts';
import type { Table } from '../catalog/table.ts';

/** The longest value that is shown whole; a longer one is cut. Characters. */
const longestShown = 200;

/** Key types whose order does not depend on a collation. */
const ordered = /^(smallint|integer|bigint|numeric|date|timestamp .*)$/;

/** One destination column and the origin of its value. */
interface Assignment {
  readonly column: Column;
  readonly from: number;
  /** The index in the layout's `assign`, and so in `_missing`; -1 for a key column that is not assigned. */
  readonly at: number;
}

/** A conversion of a staged value that can fail for a record. */
export interface Cast {
  /** The destination column that the value is for. */
  readonly field: string;
  /** The index of its staged column. */
  readonly from: number;
  readonly sql: string;
}

/** Builds the SQL for a staged chunk `s` and its destination `d`, for one layout. */
export class ChunkSql {
  readonly table: Table;
  /** The SQL type of each staged column. */
  readonly types: readonly string[];
  private readonly layout: StagedLayout;
  private readonly assigned: readonly Assignment[];

  constructor(table: Table, layout: StagedLayout, connection: string) {
    this.table = table;
    this.layout = layout;
    this.assigned = layout.assign.map(({ to, from }, at) => ({
      column: columnNamed(table.relation, to, connection),
      from,
      at,
    }));
    this.types = layout.columns.map((_, at) => this.typeOf(at));
  }

  /** Returns the destination column that a staged column is for. */
  useOf(at: number): Column | undefined {
    return this.usesOf(at)[0];
  }

  /** The source's key, as an SQL array of texts. */
  get keyTexts(): string {
    return `ARRAY[${this.layout.key.map((at) => `s.c${at}::text`).join(', ')}]`;
  }

  /** The staged key, typed and in the form in which keys are compared. */
  get key(): string[] {
    const { table } = this;
    return table.key.map((column, at) => keyOf(table, column, this.storedKey(column, at)));
  }

  get matches(): string {
    return hasKey(this.table, this.key);
  }

  /** SQL: true when a part of the key is null. */
  get nullKey(): string {
    return this.layout.key.map((at) => `s.c${at} IS NULL`).join(' OR ');
  }

  /**
   * SQL: true when a part of the key is missing, which means null or, when the source has no types, an empty text
   * (decision 0021).
   */
  get lacksKey(): string {
    const trim = this.table.target.match.trim;
    const empty = this.layout.key.flatMap((at) => {
      if (this.layout.columns[at]?.field.native !== undefined) return [];
      const text = trim ? `btrim(s.c${at}::text)` : `s.c${at}::text`;
      return [`${text} OPERATOR(pg_catalog.=) ''`];
    });
    return [this.nullKey, ...empty].join(' OR ');
  }

  /** True when keys cannot repeat within a chunk, so that no check is needed. */
  get distinctKeys(): boolean {
    const kept = this.table.key.every((column, at) => {
      const from = this.layout.key[at] ?? -1;
      const same =
        this.types[from] === column.base || /^(text|character varying)$/.test(column.base);
      return same && equalsExactly(column) && !this.mayCoerce(column, from);
    });
    return this.layout.uniqueKeys && kept && !foldsKeys(this.table);
  }

  /**
   * Returns a query that is true when the destination holds no key between the chunk's lowest and highest, which an
   * index answers at once; null when both sides share no order of keys.
   * @param staged the chunk's table
   */
  clearRange(staged: string): string | null {
    const { table } = this;
    const [column] = table.key;
    const [key] = this.key;
    if (!column || table.key.length > 1 || !table.conflictKey || !ordered.test(column.base))
      return null;
    const held = `d.${ident(column.name)}`;
    const from = `FROM ${table.relation.from} d WHERE ${held}`;
    // One held key settles it, as when everything is read again; then the range need not be computed.
    return `SELECT CASE WHEN EXISTS (SELECT ${from} = (SELECT ${key} FROM ${staged} s LIMIT 1)) THEN false
      ELSE (SELECT coalesce((SELECT min(${held}) ${from} >= r.low) > r.high, true)
        FROM (SELECT min(${key}) AS low, max(${key}) AS high FROM ${staged} s) r) END AS clear`;
  }

  /** The casts of key values that can fail; empty when the staged types are the destination's own. */
  get keyCasts(): Cast[] {
    return this.table.key.flatMap((column, at) => this.fallible(column, this.layout.key[at] ?? 0));
  }

  /** The casts of assigned values that can fail. */
  get valueCasts(): Cast[] {
    return this.assigned.flatMap(({ column, from }) =>
      this.fallible(column, from).map((cast) => ({
        ...cast,
        sql: `CASE WHEN s._fault IS NULL THEN ${cast.sql} END`,
      })),
    );
  }

  /** Returns SQL for the typed value that a staged record has for a column; null when none is assigned. */
  valueOf(column: Column): string | null {
    const { from } = this.assigned.find((each) => each.column.name === column.name) ?? {};
    if (from !== undefined) return this.value(column, from);
    const at = this.table.key.findIndex((each) => each.name === column.name);
    return at < 0 ? null : this.value(column, this.layout.key[at] ?? 0);
  }

  /** SQL: true when an assigned field of a record differs. */
  differs(missing: boolean): string {
    const changeable = this.changeable(null);
    if (!missing) return anyDiffers(changeable.map((each) => this.pair(each)));
    const parts = changeable.map((each) => {
      const given = `substr(s._missing, ${each.at + 1}, 1) IS DISTINCT FROM '1'`;
      return `(${given} AND (${anyDiffers([this.pair(each)])}))`;
    });
    return parts.length > 0 ? parts.join(' OR ') : 'false';
  }

  /**
   * SQL for the changes of a record: an array of JSON `[field, held, new]` with printed texts, cut to length, and NULL
   * for equal fields.
   */
  changes(missing: boolean): string {
    const parts = this.changeable(null).map((each) => {
      const { column, at } = each;
      const { held, value } = this.pair(each);
      const lacking = missing ? `substr(s._missing, ${at + 1}, 1) = '1'` : 'false';
      const shown = [held, value]
        .map((shownValue) => `left((${shownValue})::text, ${longestShown})`)
        .join(', ');
      return `CASE WHEN ${lacking} THEN NULL WHEN ${anyDiffers([{ column, held, value }])}
        THEN json_build_array(${literal(column.name)}, ${shown}) END`;
    });
    return `ARRAY[${parts.join(', ')}]::json[]`;
  }

  /**
   * Builds `INSERT … SELECT …` up to the rows to take. A record that exists already is updated.
   * @param plain fails instead when a record exists already, which makes it a third faster
   */
  insert(pattern: string | null, rows: string, plain = false): string {
    const { table } = this;
    const present = this.assigned.filter(({ at }) => pattern?.[at] !== '1');
    const keys = table.key
      .map((column, at) => ({ column, from: this.layout.key[at] ?? 0, at: -1 }))
      .filter(({ column }) => !present.some((each) => each.column.name === column.name));
    const all = [...keys, ...present];
    const names = all.map(({ column }) => ident(column.name)).join(', ');
    const values = all.map(({ column, from }) => this.value(column, from)).join(', ');
    const overriding = all.some(({ column }) => column.identityAlways)
      ? ' OVERRIDING SYSTEM VALUE'
      : '';
    return `INSERT INTO ${table.relation.from} AS d (${names})${overriding} SELECT ${values} FROM ${rows}${plain ? '' : this.conflict(pattern)}`;
  }

  /** Builds an UPDATE of the matching records; null when nothing can change. */
  update(pattern: string | null, rows: string, condition: string): string | null {
    const changed = this.changeable(pattern);
    if (changed.length === 0) return null;
    const sets = changed.map(
      ({ column, from }) => `${ident(column.name)} = ${this.value(column, from)}`,
    );
    return `UPDATE ${this.table.relation.from} AS d SET ${sets.join(', ')} FROM ${rows} WHERE ${this.matches} AND ${condition}`;
  }

  /** Builds the part of an INSERT that handles a record which another writer made after the chunk was classified. */
  private conflict(pattern: string | null): string {
    const { table } = this;
    if (!table.conflictKey) return '';
    const target = table.key.map((column) => ident(column.name)).join(', ');
    const changed = this.changeable(pattern);
    if (changed.length === 0) return ` ON CONFLICT (${target}) DO NOTHING`;
    const sets = changed.map(
      ({ column }) => `${ident(column.name)} = excluded.${ident(column.name)}`,
    );
    const pairs = changed.map(({ column }) => {
      const name = ident(column.name);
      return { column, held: `d.${name}`, value: `excluded.${name}` };
    });
    return ` ON CONFLICT (${target}) DO UPDATE SET ${sets.join(', ')} WHERE ${counted(anyDiffers(pairs), table.target.permissions.update)}`;
  }

  /** Returns the assignments that an update may change; not a key column that is equal because it matched. */
  private changeable(pattern: string | null): readonly Assignment[] {
    const exact = matchesExactly(this.table);
    return this.assigned.filter(({ column, from, at }) => {
      const key = this.table.key.findIndex((each) => each.name === column.name);
      return pattern?.[at] !== '1' && !(exact && key >= 0 && this.layout.key[key] === from);
    });
  }

  /** Returns SQL for the value that the destination `d` holds in a column, and for the new one. */
  private pair({ column, from }: Assignment): Pair {
    return { column, held: `d.${ident(column.name)}`, value: this.stored(column, from) };
  }

  private storedKey(column: Column, at: number): string {
    return this.stored(column, this.layout.key[at] ?? 0);
  }

  private stored(column: Column, from: number): string {
    const value = this.value(column, from);
    return this.mayCoerce(column, from) ? coerced(column, value) : value;
  }

  /** True when storing may change a value; false for a value that came from a column of the same type and modifier. */
  private mayCoerce(column: Column, from: number): boolean {
    return coerces(column) && this.layout.columns[from]?.field.native !== column.native;
  }

  private value(column: Column, from: number): string {
    return this.types[from] === column.base ? `s.c${from}` : fromText(column, `s.c${from}`);
  }

  private fallible(column: Column, from: number): Cast[] {
    const cast = { field: column.name, from };
    if (this.mayCoerce(column, from)) return [{ ...cast, sql: this.stored(column, from) }];
    const safe = this.types[from] === column.base || /^(text|character varying)$/.test(column.base);
    return safe ? [] : [{ ...cast, sql: this.value(column, from) }];
  }

  private usesOf(at: number): Column[] {
    const keys = this.table.key.filter((_, place) => this.layout.key[place] === at);
    const values = this.assigned.filter(({ from }) => from === at);
    return [...values.map(({ column }) => column), ...keys];
  }

  /**
   * Returns the type of a staged column: the destination's own when the source has the same one, else text, which is
   * cast when applied.
   */
  private typeOf(at: number): string {
    const staged = this.layout.columns[at];
    const base = staged?.field.native?.replace(/\(\d+(,-?\d+)?\)/, '');
    const uses = this.usesOf(at);
    const first = uses[0];
    if (staged?.encoding !== 'sql' || !first) return 'text';
    const same = uses.every((column) => column.builtin && column.base === base);
    return same ? first.base : 'text';
  }
}

/**
 * The setting that counts the records which an INSERT found to exist and to differ. A rollback also takes its counts
 * back.
 */
export const metSetting = 'sluice.met';

/** SQL: counts `condition` when it is true, and lets the row be changed only if it `may` be. */
function counted(condition: string, may: boolean): string {
  const before = `coalesce(nullif(current_setting('${metSetting}', true), ''), '0')::bigint`;
  const count = `set_config('${metSetting}', (${before} + 1)::text, true)`;
  return `CASE WHEN ${condition} THEN ${count} IS ${may ? 'NOT ' : ''}NULL ELSE false END`;
}
