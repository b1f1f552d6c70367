import { previewSize, type PreviewChange } from '../../../model/preview.ts';
import { keyOf, type ChunkStage } from './chunk-stage.ts';
import { metSetting } from './chunk-sql.ts';
import type { Isolation } from './isolate.ts';
import { ident, literal } from '../catalog/names.ts';
import { notCreated, notUpdated } from './refusals.ts';
import type { TextRow } from '../link/session.ts';
import { foldsKeys } from '../catalog/table.ts';

/** The numbers of records to create and to update. */
interface Due {
  readonly fresh: number;
  readonly changed: number;
}

/** Writes the rows that are left in a chunk's stage, and counts what it did. */
export class ChunkWriter {
  created = 0;
  updated = 0;
  private readonly stage: ChunkStage;
  private readonly dryRun: boolean;
  /** True once an INSERT has met a record that exists already, or one at fault. */
  private met = false;

  constructor(stage: ChunkStage, dryRun: boolean) {
    this.stage = stage;
    this.dryRun = dryRun;
  }

  /**
   * Creates everything that is left in the stage at once, if the destination holds no key in the chunk's range.
   * @param count the number of records that the chunk was staged with
   * @param missing true when any of them lacks a field
   * @returns true when it did; false, with nothing done, when the chunk must be classified first
   */
  async createAll(count: number, missing: boolean): Promise<boolean> {
    const { sql } = this.stage;
    const range = sql.clearRange(this.stage.rows);
    if (this.dryRun || range === null || !sql.table.target.permissions.create) return false;
    const { rows } = await this.stage.run(range);
    if (rows[0]?.['clear'] !== 't') return false;
    const all = `${this.stage.rows} s`;
    // Records that all lack the same fields are inserted at once, such as those of a JSON file with fewer fields than
    // the table.
    const [pattern = null, ...others] = missing ? await this.patterns(all) : [];
    if (others.length > 0) return false;
    const done = await this.insertPlain(pattern, all);
    if (done === null) return false;
    const uncounted = count - this.stage.gone - done;
    this.created += done + (await this.takeDropped(uncounted, 'true'));
    await this.stage.track(all);
    return true;
  }

  /** Inserts without looking for existing records. Returns null, with nothing done, when it meets one. */
  private async insertPlain(pattern: string | null, rows: string): Promise<number | null> {
    const { sql } = this.stage;
    if (this.met || !sql.table.conflictKey) return null;
    const done = await this.stage.attempt(sql.insert(pattern, rows, true));
    this.met = done === null;
    return done;
  }

  /** Classifies the chunk and writes its creates and updates; in a dry run it returns samples of them instead. */
  async writeDue(missing: boolean): Promise<PreviewChange[] | undefined> {
    if ((await this.classify(missing)) === 0) return this.dryRun ? [] : undefined;
    const due = await this.countActions();
    if (this.dryRun) return this.onlyCount(due, missing);
    await this.writeActions(due, missing);
    return undefined;
  }

  /**
   * Joins the chunk to the destination; equal records are left out.
   * @returns the number of records that are not equal
   */
  private async classify(missing: boolean): Promise<number> {
    const { sql } = this.stage;
    const absent = `d.${ident(sql.table.key[0]?.name ?? '')} IS NULL`;
    const byIndex = sql.table.uniqueKey && !foldsKeys(sql.table);
    if (byIndex) await this.joinWhole(false);
    const { count } = await this.stage.run(
      `CREATE UNLOGGED TABLE ${this.stage.actions} AS SELECT s.ctid AS "row", ${absent} AS fresh
       FROM ${this.stage.rows} s LEFT JOIN ${sql.table.relation.from} d ON ${sql.matches}
       WHERE ${absent} OR ${sql.differs(missing)}`,
    );
    if (byIndex) await this.joinWhole(true);
    return count;
  }

  /**
   * Allows or forbids the joins that read the whole destination. The planner has no statistics of a table just staged
   * and would choose such a join for every chunk, which makes a run quadratic. A look into the key's index costs only
   * the chunk.
   */
  private async joinWhole(allowed: boolean): Promise<void> {
    const set = (name: string) => `set_config('enable_${name}', '${allowed ? 'on' : 'off'}', true)`;
    await this.stage.run(`SELECT ${set('hashjoin')}, ${set('mergejoin')}`);
  }

  /** Counts the records to create and to update. Those that the mode forbids are skipped. */
  private async countActions(): Promise<Due> {
    const { permissions } = this.stage.sql.table.target;
    const { rows } = await this.stage.run(
      `SELECT count(*) FILTER (WHERE fresh) AS fresh, count(*) FILTER (WHERE NOT fresh) AS changed FROM ${this.stage.actions}`,
    );
    const fresh = Number(rows[0]?.['fresh']);
    const changed = Number(rows[0]?.['changed']);
    if (!permissions.create) this.stage.skipped.mode += fresh;
    if (!permissions.update) this.stage.skipped.mode += changed;
    return { fresh: permissions.create ? fresh : 0, changed: permissions.update ? changed : 0 };
  }

  /**
   * Counts and samples for a dry run. The target is not touched, so the verdicts of its constraints and triggers are
   * unknown.
   */
  private async onlyCount({ fresh, changed }: Due, missing: boolean): Promise<PreviewChange[]> {
    this.created = fresh;
    this.updated = changed;
    const { sql } = this.stage;
    const { rows } = await this.stage.run(
      `SELECT array_to_json(${sql.keyTexts}) AS key, a.fresh, to_json(${sql.changes(missing)}) AS fields
       FROM ${this.rowsDue()}
       LEFT JOIN ${sql.table.relation.from} d ON NOT a.fresh AND ${sql.matches}
       WHERE CASE WHEN a.fresh THEN ${fresh > 0} ELSE ${changed > 0} END
       ORDER BY a.fresh, s.ctid LIMIT ${previewSize}`,
    );
    return rows.map(changeOf);
  }

  private async writeActions({ fresh, changed }: Due, missing: boolean): Promise<void> {
    const { create, update } = this.stage.sql.table.target.permissions;
    const patterns = missing ? await this.patterns(this.rowsDue()) : [null];
    const isolation = this.stage.isolation();
    let updated = 0;
    if (changed > 0)
      for (const pattern of patterns) updated += await this.update(isolation, pattern, missing);
    const gone = updated < changed ? await this.findGone(isolation) : 0;
    if (!create) this.stage.skipped.mode += gone;
    const inserting = create && fresh + gone > 0;
    let inserted = 0;
    if (inserting)
      for (const pattern of patterns) inserted += await this.insert(isolation, pattern, missing);
    const late = await isolation.settle();
    const refused = await this.stage.takeRefused(isolation);
    updated += late.get('update') ?? 0;
    this.updated += updated;
    if (updated + (refused.get('update') ?? 0) + gone < changed)
      for (const pattern of patterns) await this.takeIgnored(pattern, missing);
    if (inserting) await this.countInserted(inserted + (late.get('create') ?? 0));
    await this.stage.track(
      `${this.rowsDue()} WHERE CASE WHEN a.fresh THEN ${create} ELSE ${update} END`,
    );
  }

  /** The staged rows that differ from the destination, joined with what is to be done for them. */
  private rowsDue(): string {
    return `${this.stage.rows} s JOIN ${this.stage.actions} a ON a."row" = s.ctid`;
  }

  /** Returns the distinct sets of fields that these staged rows lack, as patterns of `_missing`. */
  private async patterns(from: string): Promise<(string | null)[]> {
    const { rows } = await this.stage.run(`SELECT DISTINCT s._missing AS pattern FROM ${from}`);
    return rows.map((row) => row['pattern'] ?? null);
  }

  private async update(
    isolation: Isolation,
    pattern: string | null,
    missing: boolean,
  ): Promise<number> {
    const { sql } = this.stage;
    const like = missing ? likePattern(pattern) : '';
    const whole = sql.update(pattern, this.rowsDue(), `NOT a.fresh${like}`);
    if (whole === null) return 0;
    return isolation.run({
      operation: 'update',
      whole,
      some: (rows) => sql.update(pattern, `${this.stage.rows} s`, `s.ctid = ANY(${rows})`) ?? '',
      rows: this.rowsTo(`NOT a.fresh${like}`),
      tables: `${this.stage.rows}, ${this.stage.actions}`,
    });
  }

  private async insert(
    isolation: Isolation,
    pattern: string | null,
    missing: boolean,
  ): Promise<number> {
    const { sql } = this.stage;
    const like = missing ? likePattern(pattern) : '';
    const rows = `${this.rowsDue()} WHERE a.fresh${like}`;
    const plain = await this.insertPlain(pattern, rows);
    if (plain !== null) return plain;
    await this.stage.run(
      `DELETE FROM ${this.stage.actions} a USING ${this.stage.rows} s JOIN ${sql.table.relation.from} d ON ${sql.matches}
       WHERE a."row" = s.ctid AND a.fresh AND NOT (${sql.differs(missing)})`,
    );
    return isolation.run({
      operation: 'create',
      whole: sql.insert(pattern, rows),
      some: (some) => sql.insert(pattern, `${this.stage.rows} s WHERE s.ctid = ANY(${some})`),
      rows: this.rowsTo(`a.fresh${like}`),
      tables: `${this.stage.rows}, ${this.stage.actions}`,
    });
  }

  private rowsTo(condition: string): string {
    return `SELECT a."row" FROM ${this.rowsDue()} WHERE ${condition} ORDER BY 1`;
  }

  /**
   * @returns the number of records to update that were removed by others in the meantime; they are to be created again
   */
  private async findGone(isolation: Isolation): Promise<number> {
    const { sql } = this.stage;
    const refused = isolation.faulty
      ? ` AND a."row" NOT IN (SELECT f."row" FROM ${this.stage.faults} f)`
      : '';
    const { count } = await this.stage.run(
      `UPDATE ${this.stage.actions} a SET fresh = true FROM ${this.stage.rows} s WHERE a."row" = s.ctid AND NOT a.fresh${refused}
       AND NOT EXISTS (SELECT 1 FROM ${sql.table.relation.from} d WHERE ${sql.matches})`,
    );
    return count;
  }

  /**
   * Makes record errors of updates that a trigger or rule of the table dropped. They are found by repeating the updates
   * as a test: the dropped ones are dropped again.
   */
  private async takeIgnored(pattern: string | null, missing: boolean): Promise<void> {
    const { sql } = this.stage;
    const like = missing ? likePattern(pattern) : '';
    const due = `SELECT s.ctid AS "row" FROM ${this.rowsDue()} JOIN ${sql.table.relation.from} d ON ${sql.matches}
      WHERE NOT a.fresh AND (${sql.differs(missing)})${like}`;
    const test = sql.update(
      pattern,
      `${this.stage.rows} s`,
      's.ctid IN (SELECT e."row" FROM due e)',
    );
    if (test === null) return;
    await this.stage.run('SAVEPOINT test');
    const { rows } = await this.stage.run(
      `WITH due AS MATERIALIZED (${due}), done AS (${test} RETURNING s.ctid AS "row")
       SELECT array_agg(e."row") AS rows FROM due e WHERE e."row" NOT IN (SELECT o."row" FROM done o)`,
    );
    await this.stage.run('ROLLBACK TO test');
    const ignored = rows[0]?.['rows'];
    if (!ignored) return;
    await this.stage.take(
      `DELETE FROM ${this.stage.rows} s WHERE s.ctid = ANY(${literal(ignored)}::tid[])`,
      notUpdated,
      'update',
    );
  }

  /**
   * Counts the inserted records. An INSERT that meets a record which others made in the meantime updates it if it
   * differs.
   */
  private async countInserted(done: number): Promise<void> {
    const { update } = this.stage.sql.table.target.permissions;
    const { rows } = await this.stage.run(
      `SELECT current_setting('${metSetting}', true) AS met, count(*) AS wanted FROM ${this.rowsDue()} WHERE a.fresh`,
    );
    const met = Number(rows[0]?.['met'] ?? 0);
    const routed = await this.takeDropped(
      Number(rows[0]?.['wanted']) - done - (update ? 0 : met),
      `s.ctid IN (SELECT a."row" FROM ${this.stage.actions} a WHERE a.fresh)`,
    );
    this.created += done + routed - (update ? met : 0);
    if (update) this.updated += met;
    else this.stage.skipped.mode += met;
  }

  /**
   * Makes record errors of creates that a trigger or rule of the table dropped.
   * @param uncounted the number of records that the INSERT did not count
   * @param chosen condition for the staged rows among which they are
   * @returns how many of the uncounted exist all the same, because a trigger or rule wrote them itself
   */
  private async takeDropped(uncounted: number, chosen: string): Promise<number> {
    if (uncounted <= 0) return 0;
    const { sql } = this.stage;
    const dropped = await this.stage.take(
      `DELETE FROM ${this.stage.rows} s WHERE ${chosen}
         AND NOT EXISTS (SELECT 1 FROM ${sql.table.relation.from} d WHERE ${sql.matches})`,
      notCreated,
      'create',
    );
    return uncounted - dropped;
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

function likePattern(pattern: string | null): string {
  return ` AND s._missing ${pattern === null ? 'IS NULL' : `= ${literal(pattern)}`}`;
}
