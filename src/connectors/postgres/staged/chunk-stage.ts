import {
  noStats,
  type Operation,
  type RecordError,
  type SkipReason,
} from '../../../model/outcome.ts';
import type { StagedFault } from '../../contract/staging.ts';
import type { Cast, ChunkSql } from './chunk-sql.ts';
import { faultOf } from '../failures/failures.ts';
import { tryStatement, Isolation, type RowStatement } from './isolate.ts';
import { keepLate } from './late.ts';
import { literal } from '../catalog/names.ts';
import { columnsOfRules, longestShape, shapeOf, tooLong } from './refusals.ts';
import type { Answer, TextRow } from '../link/session.ts';
import type { StageRef } from './stage-ref.ts';
import { stagedTies } from './ties.ts';

/** The rows of a staged chunk. Rows that are not to be written leave the stage, each with a reason. */
export class ChunkStage {
  readonly errors: RecordError[] = [];
  readonly skipped: Record<SkipReason, number> = { ...noStats.skipped };
  readonly sql: ChunkSql;
  /** The table of the rows `s`, and the table `a` of the operations to do for them. */
  readonly rows: string;
  readonly actions: string;
  /** The table of the rows that were refused one by one. */
  readonly faults: string;
  private readonly at: StageRef;

  constructor(at: StageRef) {
    this.at = at;
    this.sql = at.sql;
    this.rows = at.sluiceTables.staged(at.chunk);
    this.actions = at.sluiceTables.actions(at.chunk);
    this.faults = at.sluiceTables.faults(at.chunk);
  }

  /** The number of rows that have left the stage. */
  get gone(): number {
    return this.skipped.mode + this.skipped.duplicate + this.errors.length;
  }

  run(text: string, values: readonly unknown[] = []): Promise<Answer> {
    return this.at.session.run(this.at.client, text, values);
  }

  /** Runs a statement. Returns null, with its effects undone, when a record made it fail. */
  attempt(text: string): Promise<number | null> {
    return tryStatement(this.at, text);
  }

  /**
   * Deletes rows and makes a record error of each.
   * @param remove a DELETE of rows of the stage
   * @returns how many there were
   */
  async take(
    remove: string,
    fault: StagedFault,
    operation: RecordError['operation'] = 'match',
  ): Promise<number> {
    const { keyTexts } = this.sql;
    const { rows } = await this.run(`${remove} RETURNING array_to_json(${keyTexts}) AS key`);
    for (const row of rows) {
      this.errors.push({ key: keyOf(row), operation, ...fault, retryable: false });
    }
    return rows.length;
  }

  /** Returns an isolation for statements over the rows. */
  isolation(): Isolation {
    const { session, client, sql } = this.at;
    return new Isolation({
      session,
      client,
      faults: this.faults,
      target: sql.table.relation.from,
      ties: stagedTies(sql, this.rows),
    });
  }

  /**
   * Makes record errors of the rows that were isolated; they leave the stage.
   * @param cast the cast that they failed, when it is known
   * @returns how many there were, by operation
   */
  async takeRefused(
    isolation: Isolation,
    cast?: Cast,
  ): Promise<ReadonlyMap<RowStatement['operation'], number>> {
    const counts = new Map<RowStatement['operation'], number>();
    if (!isolation.faulty) return counts;
    const { session, client, sql } = this.at;
    const { columns, from } = sql.table.relation;
    const assigned = columns.flatMap((column) => {
      const value = sql.valueOf(column);
      return value === null ? [] : [{ column, value }];
    });
    const field = cast
      ? literal(cast.field)
      : `coalesce(f.field, CASE WHEN f.code IN ('22001', '22026') THEN ${tooLong(assigned)} END)`;
    const cell = cast ? `s.c${cast.from}::text` : 'NULL::text';
    if (!cast) await keepLate(this.at, this.errors.length);
    const pairs = `${this.rows} s JOIN ${this.faults} f ON f."row" = s.ctid`;
    const { rows } = await this.run(
      `SELECT array_to_json(${sql.keyTexts}) AS key, f.part, f.code, f.message, ${field} AS field, f.rule,
         left(${cell}, ${longestShape + 1}) AS start, char_length(${cell}) AS length FROM ${pairs} ORDER BY s.ctid`,
    );
    await this.run(`DELETE FROM ${this.rows} s USING ${this.faults} f WHERE s.ctid = f."row"`);
    await this.run(`DELETE FROM ${this.faults}`);
    if (rows.length === 0) return counts;
    const fields = await columnsOfRules(session, client, from);
    for (const row of rows) {
      const { operation } = isolation.part(Number(row['part']))!;
      counts.set(operation, (counts.get(operation) ?? 0) + 1);
      this.errors.push(errorOf(row, operation, fields));
    }
    return counts;
  }

  /** Stores the keys of the rows that were written, for mirrors that remove only those. */
  async track(rows: string): Promise<void> {
    const { sluiceTables, sql } = this.at;
    const { target } = sql.table;
    if (!target.tracked) return;
    await this.run(
      `INSERT INTO ${sluiceTables.tracked} (sync, stream, key)
       SELECT DISTINCT $1, $2, ARRAY[${sql.key.map((key) => `(${key})::text`).join(', ')}]
       FROM ${rows} ON CONFLICT DO NOTHING`,
      [target.sync, target.stream],
    );
  }
}

/**
 * Makes a record error of a refused row.
 * @param fields the column of each constraint that is about one column, by constraint name
 */
function errorOf(
  row: TextRow,
  operation: Operation | 'match',
  fields: ReadonlyMap<string, string>,
): RecordError {
  const { code = '', message, field, rule, start, length } = row;
  const about = field ?? fields.get(rule ?? '');
  const fault = faultOf(code ?? '', message ?? '', about, rule);
  const shown = start == null ? '' : `: ${shapeOf(start, Number(length))}`;
  // The referred record may appear later. Any other refusal lasts until the record changes.
  const retryable = fault.code === '23503';
  return { key: keyOf(row), operation, ...fault, message: fault.message + shown, retryable };
}

/** Returns the source's key from a row; null when no part of it is known. */
export function keyOf(row: TextRow): (string | null)[] | null {
  const key = JSON.parse(row['key'] ?? 'null') as (string | null)[] | null;
  return key?.every((value) => value === null) ? null : key;
}
