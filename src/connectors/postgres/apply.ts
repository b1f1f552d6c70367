import type pg from 'pg';
import { TransientError } from '../../model/failure.ts';
import { stagingLost } from '../../model/workflow.ts';
import type { Operation, RecordError, SkipReason } from '../../model/outcome.ts';
import { previewSize, type PreviewChange } from '../../model/preview.ts';
import type { ChunkRef, ChunkResult, StagedFault, StagedLayout } from '../destination.ts';
import type { Area } from './area.ts';
import { lockTables } from './area.ts';
import { metSetting, type Cast, type ChunkSql } from './chunk-sql.ts';
import { faultOf } from './failures.ts';
import { attempt, Isolation, type Guarded } from './isolate.ts';
import { ident, literal } from './names.ts';
import { columnsOfRules, longestShape, shapeOf, tooLong } from './refusals.ts';
import type { Answer, Session, TextRow } from './session.ts';
import { comparesExactly } from './table.ts';
import { stagedTies } from './ties.ts';

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
      [chunk.run, chunk.chunk, JSON.stringify(result)],
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
    if (!sql.table.uniqueKey || !comparesExactly(sql.table)) await this.takeAmbiguous();
    const sample = (await this.createAll(census)) ? undefined : await this.writeDue(census.missing);
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
    if (marker?.['result']) return { done: JSON.parse(marker['result']) as ChunkResult };
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
  private async checkCasts(casts: readonly Cast[]): Promise<void> {
    if (casts.length === 0) return;
    const tries = casts.map(({ sql }) => `count(${sql})`);
    const all = `SELECT ${tries.join(', ')} FROM ${this.staged} s`;
    if ((await attempt({ session: this.request.session, client: this.client }, all)) !== null) return;
    for (const [at, cast] of casts.entries()) {
      const isolation = this.isolation();
      const whole = `SELECT ${tries[at]} FROM ${this.staged} s`;
      await isolation.run({
        operation: 'match',
        whole,
        some: (rows) => `${whole} WHERE s.ctid = ANY(${rows})`,
        rows: `SELECT s.ctid AS "row" FROM ${this.staged} s ORDER BY s.ctid`,
      });
      await this.takeRefused(isolation, cast);
    }
  }

  /** Notes the keys of every record that can have one here, whatever becomes of it: a mirror must not remove them. */
  private async see(): Promise<void> {
    const { area, chunk, sql, session } = this.request;
    if (!sql.table.target.permissions.remove) return;
    const seen = area.seen(sql.table.target.seenBy ?? chunk.run);
    const keys = sql.key.map((key, at) => `${key} AS k${at}`).join(', ');
    const select = `SELECT ${keys} FROM ${this.staged} s WHERE NOT (${sql.lacksKey})`;
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

  /** @returns how many rows it took */
  private async take(
    remove: string,
    fault: StagedFault,
    operation: RecordError['operation'] = 'match',
  ): Promise<number> {
    const { keyTexts } = this.request.sql;
    const { rows } = await this.sql(`${remove} RETURNING array_to_json(${keyTexts}) AS key`);
    for (const row of rows) {
      this.errors.push({ key: keyOf(row), operation, ...fault, retryable: false });
    }
    return rows.length;
  }

  /**
   * Creates all that is left in the stage at once where the destination holds nothing of the chunk's key range.
   * @returns whether it did; false, with nothing done, when the chunk must be classified first
   */
  private async createAll(census: Census): Promise<boolean> {
    const { sql, dryRun } = this.request;
    const range = sql.clearRange(this.staged);
    if (dryRun || census.missing || range === null || !sql.table.target.permissions.create) return false;
    const { rows } = await this.sql(range);
    if (rows[0]?.['clear'] !== 't') return false;
    const all = `${this.staged} s`;
    const done = await this.insertPlain(null, all);
    if (done === null) return false;
    const wanted = census.all - this.skipped.duplicate - this.errors.length;
    this.created += done + (await this.takeDropped(wanted - done, 'true'));
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
    const byIndex = sql.table.uniqueKey && comparesExactly(sql.table);
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
    const { create, update } = this.request.sql.table.target.permissions;
    const patterns = missing ? await this.patterns() : [null];
    const isolation = this.isolation();
    let updated = 0;
    if (changed > 0)
      for (const pattern of patterns) updated += await this.update(isolation, pattern, missing);
    const gone = updated < changed ? await this.findGone(isolation) : 0;
    if (!create) this.skipped.mode += gone;
    const inserting = create && fresh + gone > 0;
    let inserted = 0;
    if (inserting)
      for (const pattern of patterns) inserted += await this.insert(isolation, pattern, missing);
    const late = await isolation.settle();
    const refused = await this.takeRefused(isolation);
    updated += late.get('update') ?? 0;
    this.updated += updated;
    if (updated + (refused.get('update') ?? 0) + gone < changed)
      for (const pattern of patterns) await this.takeIgnored(pattern, missing);
    if (inserting) await this.countInserted(inserted + (late.get('create') ?? 0));
    await this.track(`${this.rowsDue()} WHERE CASE WHEN a.fresh THEN ${create} ELSE ${update} END`);
  }

  /** The staged rows that differ from the destination, with what is to be done for them. */
  private rowsDue(): string {
    return `${this.staged} s JOIN ${this.actions} a ON a."row" = s.ctid`;
  }

  private async patterns(): Promise<(string | null)[]> {
    const { rows } = await this.sql(`SELECT DISTINCT s._missing AS pattern FROM ${this.rowsDue()}`);
    return rows.map((row) => row['pattern'] ?? null);
  }

  private async update(
    isolation: Isolation,
    pattern: string | null,
    missing: boolean,
  ): Promise<number> {
    const { sql } = this.request;
    const like = missing ? likePattern(pattern) : '';
    const whole = sql.update(pattern, this.rowsDue(), `NOT a.fresh${like}`);
    if (whole === null) return 0;
    return isolation.run({
      operation: 'update',
      whole,
      some: (rows) => sql.update(pattern, `${this.staged} s`, `s.ctid = ANY(${rows})`) ?? '',
      rows: this.rowsTo(`NOT a.fresh${like}`),
    });
  }

  private async insert(
    isolation: Isolation,
    pattern: string | null,
    missing: boolean,
  ): Promise<number> {
    const { sql } = this.request;
    const like = missing ? likePattern(pattern) : '';
    const rows = `${this.rowsDue()} WHERE a.fresh${like}`;
    const plain = await this.insertPlain(pattern, rows);
    if (plain !== null) return plain;
    await this.sql(
      `DELETE FROM ${this.actions} a USING ${this.staged} s JOIN ${sql.table.relation.from} d ON ${sql.matches}
       WHERE a."row" = s.ctid AND a.fresh AND NOT (${sql.differs(missing)})`,
    );
    return isolation.run({
      operation: 'create',
      whole: sql.insert(pattern, rows),
      some: (some) => sql.insert(pattern, `${this.staged} s WHERE s.ctid = ANY(${some})`),
      rows: this.rowsTo(`a.fresh${like}`),
    });
  }

  private rowsTo(condition: string): string {
    return `SELECT a."row" FROM ${this.rowsDue()} WHERE ${condition} ORDER BY 1`;
  }

  private isolation(): Isolation {
    const { area, chunk, session, sql } = this.request;
    return new Isolation({
      session,
      client: this.client,
      faults: area.faults(chunk),
      target: sql.table.relation.from,
      ties: stagedTies(sql, this.staged),
    });
  }

  /** @returns how many of the records to update someone has removed meanwhile: they are to be created again */
  private async findGone(isolation: Isolation): Promise<number> {
    const { area, chunk, sql } = this.request;
    const refused = isolation.faulty
      ? ` AND a."row" NOT IN (SELECT f."row" FROM ${area.faults(chunk)} f)`
      : '';
    const { count } = await this.sql(
      `UPDATE ${this.actions} a SET fresh = true FROM ${this.staged} s WHERE a."row" = s.ctid AND NOT a.fresh${refused}
       AND NOT EXISTS (SELECT 1 FROM ${sql.table.relation.from} d WHERE ${sql.matches})`,
    );
    return count;
  }

  /** Makes record errors of the updates that a trigger or rule of the table dropped: done again, for a test, they still are. */
  private async takeIgnored(pattern: string | null, missing: boolean): Promise<void> {
    const { sql } = this.request;
    const like = missing ? likePattern(pattern) : '';
    const due = `SELECT s.ctid AS "row" FROM ${this.rowsDue()} JOIN ${sql.table.relation.from} d ON ${sql.matches}
      WHERE NOT a.fresh AND (${sql.differs(missing)})${like}`;
    const test = sql.update(pattern, `${this.staged} s`, 's.ctid IN (SELECT e."row" FROM due e)');
    if (test === null) return;
    await this.sql('SAVEPOINT test');
    const { rows } = await this.sql(
      `WITH due AS MATERIALIZED (${due}), done AS (${test} RETURNING s.ctid AS "row")
       SELECT array_agg(e."row") AS rows FROM due e WHERE e."row" NOT IN (SELECT o."row" FROM done o)`,
    );
    await this.sql('ROLLBACK TO test');
    const ignored = rows[0]?.['rows'];
    if (!ignored) return;
    await this.take(
      `DELETE FROM ${this.staged} s WHERE s.ctid = ANY(${literal(ignored)}::tid[])`,
      { code: 'not_updated', message: 'the table did not take the change' },
      'update',
    );
  }

  /** Records that someone else has made meanwhile are met by the INSERT, and updated if they differ. */
  private async countInserted(done: number): Promise<void> {
    const { update } = this.request.sql.table.target.permissions;
    const { rows } = await this.sql(
      `SELECT current_setting('${metSetting}', true) AS met, count(*) AS wanted FROM ${this.rowsDue()} WHERE a.fresh`,
    );
    const met = Number(rows[0]?.['met'] ?? 0);
    const routed = await this.takeDropped(
      Number(rows[0]?.['wanted']) - done - (update ? 0 : met),
      `s.ctid IN (SELECT a."row" FROM ${this.actions} a WHERE a.fresh)`,
    );
    this.created += done + routed - (update ? met : 0);
    if (update) this.updated += met;
    else this.skipped.mode += met;
  }

  /**
   * Makes record errors of the creates that a trigger or rule of the table dropped.
   * @param uncounted how many records the INSERT did not count
   * @param chosen the staged rows among which they are
   * @returns how many of the uncounted are there all the same: a trigger or rule wrote them on its own
   */
  private async takeDropped(uncounted: number, chosen: string): Promise<number> {
    if (uncounted <= 0) return 0;
    const { sql } = this.request;
    const dropped = await this.take(
      `DELETE FROM ${this.staged} s WHERE ${chosen}
         AND NOT EXISTS (SELECT 1 FROM ${sql.table.relation.from} d WHERE ${sql.matches})`,
      { code: 'not_created', message: 'the table did not take the record' },
      'create',
    );
    return uncounted - dropped;
  }

  /**
   * Makes record errors of the rows that stand alone; they leave the stage.
   * @param cast what they failed, where it is known
   * @returns how many there were, by operation
   */
  private async takeRefused(
    isolation: Isolation,
    cast?: Cast,
  ): Promise<ReadonlyMap<Guarded['operation'], number>> {
    const counts = new Map<Guarded['operation'], number>();
    if (!isolation.faulty) return counts;
    const { area, chunk, session, sql } = this.request;
    const { columns, from } = sql.table.relation;
    const faults = area.faults(chunk);
    const assigned = columns.flatMap((column) => {
      const value = sql.valueOf(column);
      return value === null ? [] : [{ column, value }];
    });
    const field = cast
      ? literal(cast.field)
      : `coalesce(f.field, CASE WHEN f.code IN ('22001', '22026') THEN ${tooLong(assigned)} END)`;
    const cell = cast ? `s.c${cast.from}::text` : 'NULL::text';
    const { rows } = await this.sql(
      `DELETE FROM ${this.staged} s USING ${faults} f WHERE s.ctid = f."row"
       RETURNING array_to_json(${sql.keyTexts}) AS key, f.part, f.code, f.message, ${field} AS field, f.rule,
         left(${cell}, ${longestShape + 1}) AS start, char_length(${cell}) AS length`,
    );
    await this.sql(`DELETE FROM ${faults}`);
    if (rows.length === 0) return counts;
    const fields = await columnsOfRules(session, this.client, from);
    for (const row of rows) {
      const { operation } = isolation.part(Number(row['part']))!;
      counts.set(operation, (counts.get(operation) ?? 0) + 1);
      this.errors.push(errorOf(row, operation, fields));
    }
    return counts;
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

/** @param fields the columns of constraints that are about one column each */
function errorOf(
  row: TextRow,
  operation: Operation | 'match',
  fields: ReadonlyMap<string, string>,
): RecordError {
  const { code = '', message, field, rule, start, length } = row;
  const about = field ?? fields.get(rule ?? '');
  const fault = faultOf(code ?? '', message ?? '', about, rule);
  const shown = start == null ? '' : `: ${shapeOf(start, Number(length))}`;
  // A reference may appear later; every other refusal lasts until the record changes.
  const retryable = fault.code === '23503';
  return { key: keyOf(row), operation, ...fault, message: fault.message + shown, retryable };
}

function likePattern(pattern: string | null): string {
  return ` AND s._missing IS NOT DISTINCT FROM ${literal(pattern)}`;
}

function keyOf(row: TextRow): (string | null)[] | null {
  const key = JSON.parse(row['key'] ?? 'null') as (string | null)[] | null;
  return key?.every((value) => value === null) ? null : key;
}
