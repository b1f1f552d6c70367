import type pg from 'pg';
import { TransientError } from '../../model/failure.ts';
import { stagingLost } from '../../model/workflow.ts';
import type { Operation, RecordError, SkipReason } from '../../model/outcome.ts';
import { previewSize, type PreviewChange } from '../../model/preview.ts';
import type { ChunkRef, ChunkResult, StagedFault, StagedLayout } from '../destination.ts';
import { keptResult, resultOf } from './applied-result.ts';
import type { Area } from './area.ts';
import { lockTables } from './area.ts';
import { metSetting, type ChunkSql } from './chunk-sql.ts';
import { faultOf } from './failures.ts';
import { attempt, isolate } from './isolate.ts';
import { ident, literal } from './names.ts';
import type { Answer, Session, TextRow } from './session.ts';
import { advanceSequences } from './sequences.ts';
import { foldsKeys } from './table.ts';

/** Asks for one chunk to be applied. */
export interface ApplyRequest {
  readonly session: Session;
  readonly area: Area;
  readonly chunk: ChunkRef;
  readonly layout: StagedLayout;
  readonly sql: ChunkSql;
  readonly dryRun: boolean;
}

/** What is in a staged chunk. */
interface Census {
  readonly all: number;
  /** Whether any row has a fault, lacks a field, or has no value for its key. */
  readonly faults: boolean;
  readonly missing: boolean;
  readonly keyless: boolean;
}

/** How many records are to be written. */
interface Due {
  readonly fresh: number;
  readonly changed: number;
}

/** Applies a staged chunk in the transaction that `client` is in; call `run` once. */
export class ChunkApply {
  private readonly request: ApplyRequest;
  private readonly client: pg.PoolClient;
  private readonly staged: string;
  private readonly actions: string;
  private readonly errors: RecordError[] = [];
  private readonly skipped: Record<SkipReason, number> = { mode: 0, filter: 0, duplicate: 0 };
  /** Whether an INSERT has met a record that is there already, or one at fault. */
  private met = false;
  private created = 0;
  private updated = 0;

  constructor(request: ApplyRequest, client: pg.PoolClient) {
    this.request = request;
    this.client = client;
    this.staged = request.area.staged(request.chunk);
    this.actions = request.area.actions(request.chunk);
  }

  /** The result of this call, or the stored one of an earlier call. */
  async run(): Promise<ChunkResult> {
    const { area, chunk } = this.request;
    await this.sql('SET CONSTRAINTS ALL IMMEDIATE');
    const claimed = await this.claim();
    if ('done' in claimed) {
      await area.dropStaged(this.request.session, this.client, chunk.run, chunk.chunk);
      return claimed.done;
    }
    await this.checkCasts(this.request.sql.keyCasts);
    await this.see();
    const result = await this.write(claimed.census);
    await this.sql(
      `UPDATE ${area.marker} SET done_at = now(), result = $3 WHERE run = $1 AND chunk = $2`,
      [chunk.run, chunk.chunk, keptResult(result)],
    );
    await area.dropStaged(this.request.session, this.client, chunk.run, chunk.chunk);
    return result;
  }

  private async write(census: Census): Promise<ChunkResult> {
    const { sql } = this.request;
    await this.checkCasts(sql.valueCasts);
    if (census.faults) await this.takeFaults();
    if (census.keyless) await this.takeUnmatchable();
    if (!sql.distinctKeys) await this.takeDuplicates();
    if (!sql.table.uniqueKey || foldsKeys(sql.table)) await this.takeAmbiguous();
    const sample = (await this.createAll(census)) ? undefined : await this.writeDue(census.missing);
    if (sql.table.advances && this.created > 0 && !this.request.dryRun)
      await advanceSequences(this.request.session, this.client, sql.table);
    const gone = this.skipped.mode + this.skipped.duplicate + this.errors.length;
    const stats = {
      imported: census.all,
      created: this.created,
      updated: this.updated,
      unchanged: census.all - this.created - this.updated - gone,
      skipped: this.skipped,
      removed: 0,
      errors: this.errors.length,
      removeErrors: 0,
    };
    return { stats, errors: this.errors, ...(sample && { sample }) };
  }

  /** Locks the chunk's marker: the first result if there is one, else what is in the stage once it is proved whole. */
  private async claim(): Promise<{ done: ChunkResult } | { census: Census }> {
    const { area, chunk, session } = this.request;
    const { rows } = await this.sql(
      `SELECT token, staged, result, to_regclass(${literal(this.staged)}) IS NOT NULL AS here
       FROM ${area.marker} WHERE run = $1 AND chunk = $2 FOR UPDATE`,
      [chunk.run, chunk.chunk],
    );
    const marker = rows[0];
    if (marker?.['result']) return { done: resultOf(marker['result']) as ChunkResult };
    const mine = marker?.['token'] === String(chunk.token) && marker['here'] === 't';
    const census = mine ? await this.count() : null;
    if (census?.all === Number(marker?.['staged']) && census) return { census };
    throw new TransientError(
      stagingLost,
      `${session.connection}: the staged rows of chunk ${chunk.chunk} are gone`,
      {
        connection: session.connection,
      },
    );
  }

  private async count(): Promise<Census> {
    const { rows } = await this.sql(
      `SELECT count(*) AS all, count(_fault) > 0 AS faults, count(_missing) > 0 AS missing,
         coalesce(bool_or(${this.request.sql.lacksKey}), false) AS keyless FROM ${this.staged} s`,
    );
    const [row] = rows;
    const is = (name: string) => row?.[name] === 't';
    return {
      all: Number(row?.['all']),
      faults: is('faults'),
      missing: is('missing'),
      keyless: is('keyless'),
    };
  }

  /** Tries every cast; the rows that fail one become record errors. */
  private async checkCasts(casts: readonly string[]): Promise<void> {
    if (casts.length === 0) return;
    const check = `SELECT ${casts.map((cast) => `count(${cast})`).join(', ')} FROM ${this.staged} s`;
    await this.guard('match', check, `${check} WHERE s.ctid = ANY($1::tid[])`, 'true');
  }

  /**
   * Notes the keys of every record, also of those at fault, but for parts that are null, which no record here is
   * removed for: a mirror must not remove what the source has (R7).
   */
  private async see(): Promise<void> {
    const { area, chunk, sql, session } = this.request;
    if (!sql.table.target.permissions.remove) return;
    const seen = area.seen(sql.table.target.seenBy ?? chunk.run);
    const keys = sql.key.map((key, at) => `${key} AS k${at}`).join(', ');
    const select = `SELECT ${keys} FROM ${this.staged} s WHERE NOT (${sql.nullKey})`;
    const { rows } = await this.sql(`SELECT to_regclass(${literal(seen)}) IS NULL AS fresh`);
    if (rows[0]?.['fresh'] === 't') {
      await lockTables(session, this.client);
      await this.sql(`CREATE TABLE IF NOT EXISTS ${seen} AS ${select} LIMIT 0`);
    }
    await this.sql(`INSERT INTO ${seen} ${select}`);
  }

  private async takeFaults(): Promise<void> {
    const { keyTexts } = this.request.sql;
    const { rows } = await this.sql(
      `DELETE FROM ${this.staged} s WHERE _fault IS NOT NULL RETURNING array_to_json(${keyTexts}) AS key, _fault AS fault`,
    );
    for (const row of rows) {
      const fault = JSON.parse(row['fault'] ?? '{}') as StagedFault;
      this.errors.push({ key: keyOf(row), operation: 'match', ...fault, retryable: false });
    }
  }

  private async takeUnmatchable(): Promise<void> {
    const { sql } = this.request;
    await this.take(`DELETE FROM ${this.staged} s WHERE ${sql.lacksKey}`, {
      code: 'missing_key',
      message: 'the record has no value for its key',
    });
  }

  /** Of records with the same key, the last one stays. */
  private async takeDuplicates(): Promise<void> {
    const { sql } = this.request;
    const { count } = await this.sql(
      `DELETE FROM ${this.staged} t USING (SELECT s.ctid AS at,
         row_number() OVER (PARTITION BY ${sql.key.join(', ')} ORDER BY s.ctid DESC) AS n
         FROM ${this.staged} s) r WHERE t.ctid = r.at AND r.n > 1`,
    );
    this.skipped.duplicate += count;
  }

  private async takeAmbiguous(): Promise<void> {
    const { sql } = this.request;
    await this.take(
      `DELETE FROM ${this.staged} s WHERE s.ctid IN (SELECT s.ctid FROM ${this.staged} s
         JOIN ${sql.table.relation.from} d ON ${sql.matches} GROUP BY s.ctid HAVING count(*) > 1)`,
      { code: 'ambiguous_match', message: 'the key matches several destination records' },
    );
  }

  private async take(remove: string, fault: StagedFault): Promise<void> {
    const { keyTexts } = this.request.sql;
    const { rows } = await this.sql(`${remove} RETURNING array_to_json(${keyTexts}) AS key`);
    for (const row of rows) {
      this.errors.push({ key: keyOf(row), operation: 'match', ...fault, retryable: false });
    }
  }

  /**
   * Creates all that is left in the stage at once where the destination holds nothing of the chunk's key range.
   * @returns whether it did; false, with nothing done, when the chunk must be classified first
   */
  private async createAll({ missing }: Census): Promise<boolean> {
    const { sql, dryRun } = this.request;
    const range = sql.clearRange(this.staged);
    if (dryRun || missing || range === null || !sql.table.target.permissions.create) return false;
    const { rows } = await this.sql(range);
    if (rows[0]?.['clear'] !== 't') return false;
    const all = `${this.staged} s`;
    const done = await this.insertPlain(null, all);
    if (done === null) return false;
    this.created += done;
    await this.track(all);
    return true;
  }

  /** Inserts without looking for records that are there already; null, with nothing done, where it meets one. */
  private async insertPlain(pattern: string | null, rows: string): Promise<number | null> {
    const { session, sql } = this.request;
    if (this.met || !sql.table.conflictKey) return null;
    const done = await attempt({ session, client: this.client }, sql.insert(pattern, rows, true));
    this.met = done === null;
    return done;
  }

  /** Classifies the chunk and writes, or of a dry run shows, what is due. */
  private async writeDue(missing: boolean): Promise<PreviewChange[] | undefined> {
    const { dryRun } = this.request;
    if ((await this.classify(missing)) === 0) return dryRun ? [] : undefined;
    const due = await this.countActions();
    if (dryRun) return this.onlyCount(due, missing);
    await this.writeActions(due, missing);
    return undefined;
  }

  /**
   * Joins the chunk to the destination; equal records are left out.
   * @returns how many are not equal
   */
  private async classify(missing: boolean): Promise<number> {
    const { sql } = this.request;
    const absent = `d.${ident(sql.table.key[0]?.name ?? '')} IS NULL`;
    const byIndex = sql.table.uniqueKey && !foldsKeys(sql.table);
    if (byIndex) await this.joinWhole(false);
    const { count } = await this.sql(
      `CREATE UNLOGGED TABLE ${this.actions} AS SELECT s.ctid AS "row", ${absent} AS fresh
       FROM ${this.staged} s LEFT JOIN ${sql.table.relation.from} d ON ${sql.matches}
       WHERE ${absent} OR ${sql.differs(missing)}`,
    );
    if (byIndex) await this.joinWhole(true);
    return count;
  }

  /**
   * Allows or forbids the joins that read the whole destination. The planner knows nothing of a table just staged and
   * would take one for every chunk, which makes a run quadratic; a look into the key's index costs the chunk alone.
   */
  private async joinWhole(allowed: boolean): Promise<void> {
    const set = (name: string) => `set_config('enable_${name}', '${allowed ? 'on' : 'off'}', true)`;
    await this.sql(`SELECT ${set('hashjoin')}, ${set('mergejoin')}`);
  }

  /** How many records are to be created and updated; those that the mode forbids are skipped. */
  private async countActions(): Promise<Due> {
    const { permissions } = this.request.sql.table.target;
    const { rows } = await this.sql(
      `SELECT count(*) FILTER (WHERE fresh) AS fresh, count(*) FILTER (WHERE NOT fresh) AS changed FROM ${this.actions}`,
    );
    const fresh = Number(rows[0]?.['fresh']);
    const changed = Number(rows[0]?.['changed']);
    if (!permissions.create) this.skipped.mode += fresh;
    if (!permissions.update) this.skipped.mode += changed;
    return { fresh: permissions.create ? fresh : 0, changed: permissions.update ? changed : 0 };
  }

  /** A dry run touches nothing of the target: what its constraints and triggers would say is not known. */
  private async onlyCount({ fresh, changed }: Due, missing: boolean): Promise<PreviewChange[]> {
    this.created = fresh;
    this.updated = changed;
    const { sql } = this.request;
    const { rows } = await this.sql(
      `SELECT array_to_json(${sql.keyTexts}) AS key, a.fresh, to_json(${sql.changes(missing)}) AS fields
       FROM ${this.rowsDue()}
       LEFT JOIN ${sql.table.relation.from} d ON NOT a.fresh AND ${sql.matches}
       WHERE CASE WHEN a.fresh THEN ${fresh > 0} ELSE ${changed > 0} END
       ORDER BY a.fresh, s.ctid LIMIT ${previewSize}`,
    );
    return rows.map(changeOf);
  }

  private async writeActions({ fresh, changed }: Due, missing: boolean): Promise<void> {
    const patterns = missing ? await this.patterns() : [null];
    const removed = changed > 0 ? await this.updateAll(patterns, missing, changed) : 0;
    const { create, update } = this.request.sql.table.target.permissions;
    if (!create) this.skipped.mode += removed;
    else if (fresh + removed > 0) await this.insertAll(patterns, missing);
    await this.track(`${this.rowsDue()} WHERE CASE WHEN a.fresh THEN ${create} ELSE ${update} END`);
  }

  /** The staged rows that differ from the destination, with what is to be done for them. */
  private rowsDue(): string {
    return `${this.staged} s JOIN ${this.actions} a ON a."row" = s.ctid`;
  }

  /** @returns how many of the `changed` records someone has removed meanwhile: they are to be created again */
  private async updateAll(
    patterns: readonly (string | null)[],
    missing: boolean,
    changed: number,
  ): Promise<number> {
    const { sql } = this.request;
    const errors = this.errors.length;
    let done = 0;
    for (const pattern of patterns) done += await this.update(pattern, missing);
    this.updated += done;
    if (done + this.errors.length - errors >= changed) return 0;
    const { count } = await this.sql(
      `UPDATE ${this.actions} a SET fresh = true FROM ${this.staged} s WHERE a."row" = s.ctid AND NOT a.fresh
       AND NOT EXISTS (SELECT 1 FROM ${sql.table.relation.from} d WHERE ${sql.matches})`,
    );
    return count;
  }

  /** Records that someone else has made meanwhile are met by the INSERT, and updated if they differ. */
  private async insertAll(patterns: readonly (string | null)[], missing: boolean): Promise<void> {
    const { table } = this.request.sql;
    let done = 0;
    for (const pattern of patterns) done += await this.insert(pattern, missing);
    const { rows } = await this.sql(`SELECT current_setting('${metSetting}', true) AS met`);
    const met = Number(rows[0]?.['met'] ?? 0);
    if (table.target.permissions.update) {
      this.created += done - met;
      this.updated += met;
    } else {
      this.created += done;
      this.skipped.mode += met;
    }
  }

  private async patterns(): Promise<(string | null)[]> {
    const { rows } = await this.sql(`SELECT DISTINCT s._missing AS pattern FROM ${this.rowsDue()}`);
    return rows.map((row) => row['pattern'] ?? null);
  }

  private async insert(pattern: string | null, missing: boolean): Promise<number> {
    const { sql } = this.request;
    const like = missing ? ` AND s._missing IS NOT DISTINCT FROM ${literal(pattern)}` : '';
    const rows = `${this.rowsDue()} WHERE a.fresh${like}`;
    const some = `${this.staged} s WHERE s.ctid = ANY($1::tid[])`;
    return (
      (await this.insertPlain(pattern, rows)) ??
      this.guard(
        'create',
        sql.insert(pattern, rows),
        sql.insert(pattern, some),
        `s.ctid IN (SELECT a."row" FROM ${this.actions} a WHERE a.fresh)${like}`,
      )
    );
  }

  private async update(pattern: string | null, missing: boolean): Promise<number> {
    const { sql } = this.request;
    const like = missing ? ` AND s._missing IS NOT DISTINCT FROM ${literal(pattern)}` : '';
    const whole = sql.update(pattern, this.rowsDue(), `NOT a.fresh${like}`);
    const some = sql.update(pattern, `${this.staged} s`, 's.ctid = ANY($1::tid[])');
    if (!whole || !some) return 0;
    const chosen = `s.ctid IN (SELECT a."row" FROM ${this.actions} a WHERE NOT a.fresh)${like}`;
    return this.guard('update', whole, some, chosen);
  }

  /** Runs a set statement over staged rows; those at fault become record errors and leave the stage. */
  private async guard(
    operation: Operation | 'match',
    whole: string,
    some: string,
    chosen: string,
  ): Promise<number> {
    const { area, chunk, session, sql } = this.request;
    const faults = area.faults(chunk);
    const rows = `SELECT s.ctid AS "row" FROM ${this.staged} s WHERE ${chosen} ORDER BY s.ctid`;
    const { done, faulty } = await isolate({
      session,
      client: this.client,
      whole,
      some,
      rows,
      faults,
    });
    if (!faulty) return done;
    const found = await this.sql(
      `DELETE FROM ${this.staged} s USING ${faults} f WHERE s.ctid = f."row"
       RETURNING array_to_json(${sql.keyTexts}) AS key, f.code, f.message, f.field, f.rule`,
    );
    await this.sql(`DELETE FROM ${faults}`);
    for (const row of found.rows) this.errors.push(errorOf(row, operation));
    return done;
  }

  /** Remembers the keys of the rows that were written, for removals limited to them. */
  private async track(rows: string): Promise<void> {
    const { area, sql } = this.request;
    const { target } = sql.table;
    if (!target.tracked) return;
    await this.sql(
      `INSERT INTO ${area.tracked} (sync, stream, key)
       SELECT DISTINCT $1, $2, ARRAY[${sql.key.map((key) => `(${key})::text`).join(', ')}]
       FROM ${rows} ON CONFLICT DO NOTHING`,
      [target.sync, target.stream],
    );
  }

  private sql(text: string, values: readonly unknown[] = []): Promise<Answer> {
    return this.request.session.run(this.client, text, values);
  }
}

function changeOf(row: TextRow): PreviewChange {
  const fields = JSON.parse(row['fields'] ?? '[]') as (
    | [string, string | null, string | null]
    | null
  )[];
  return {
    operation: row['fresh'] === 't' ? 'create' : 'update',
    key: keyOf(row) ?? [],
    fields: fields
      .filter((field) => field !== null)
      .map(([field, before, after]) => ({ field, before, after })),
  };
}

function errorOf(row: TextRow, operation: Operation | 'match'): RecordError {
  const fault = faultOf(row['code'] ?? '', row['message'] ?? '', row['field'], row['rule']);
  // A reference may appear later; every other refusal lasts until the record changes.
  return { key: keyOf(row), operation, ...fault, retryable: fault.code === '23503' };
}

function keyOf(row: TextRow): (string | null)[] | null {
  const key = JSON.parse(row['key'] ?? 'null') as (string | null)[] | null;
  return key?.every((value) => value === null) ? null : key;
}
