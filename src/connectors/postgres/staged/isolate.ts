import type pg from 'pg';
import type { Operation } from '../../../model/outcome.ts';
import { isStatementFault, rowFault } from '../failures/failures.ts';
import { recordStates, systemStates } from '../failures/states.ts';
import { literal } from '../catalog/names.ts';
import { rulesOf, type Rules } from '../catalog/rules.ts';
import type { Session } from '../link/session.ts';
import { stuckRows } from './stuck-rows.ts';
import type { Ties } from './ties.ts';

/** A statement over a set of rows that one of its rows can make fail. */
export interface RowStatement {
  readonly operation: Operation | 'match';
  /** The statement over all of its rows. */
  readonly whole: string;
  /**
   * Returns the same statement over some of them.
   * @param rows SQL for their `tid[]`
   */
  some(rows: string): string;
  /** A query for all of its rows, as `row`, and the tables that it reads, separated by commas. */
  readonly rows: string;
  readonly tables: string;
}

/** The place where statements are isolated. */
export interface Site {
  readonly session: Session;
  /** A connection in a transaction. */
  readonly client: pg.PoolClient;
  /** The table to make for the rows at fault; see {@link Isolation}. */
  readonly faults: string;
  /** The SQL that names the written relation in a FROM clause. */
  readonly target: string;
  /** The way in which rows of the statements need each other; absent when none does. */
  readonly ties?: Ties;
}

/** The most rows that are tried together once one among them is known to be at fault. */
const groupSize = 256;
/** From this round on, another round follows only when the last one wrote at least 1 % of the waiting rows. */
const manyRounds = 20;

/**
 * Runs set statements so that the rows at fault end up alone in the table `faults` and all others are done. A statement
 * that a row makes fail runs again over groups of its rows, inside the database. A group that fails is halved, and the
 * more rows are at fault, the smaller the groups become. `faults` has a line for each row that is still refused: `part`
 * (the statement's number), `"row"`, and as PostgreSQL gives them `code`, `message`, `field` and `rule` (the
 * constraint).
 */
export class Isolation {
  readonly #site: Site;
  readonly #parts: RowStatement[] = [];
  #rules: Rules | undefined;
  #round = 0;

  constructor(site: Site) {
    this.#site = site;
  }

  /** True when `faults` exists, and so may hold rows. */
  get faulty(): boolean {
    return this.#parts.length > 0;
  }

  /**
   * Runs one statement.
   * @returns the number of rows done
   */
  async run(statement: RowStatement): Promise<number> {
    const whole = await tryStatement(this.#site, statement.whole);
    if (whole !== null) return whole;
    const { faults } = this.#site;
    if (!this.faulty)
      await this.#sql(
        `CREATE UNLOGGED TABLE IF NOT EXISTS ${faults} (part int, "row" tid, code text, message text,
           field text, rule text, again boolean, free boolean)`,
      );
    const part = this.#parts.push(statement) - 1;
    const suspects = await this.#stuck(statement.rows, statement.tables);
    if (suspects.length === 0) return this.#pass(part, statement.rows);
    await this.#site.session.run(
      this.#site.client,
      `INSERT INTO ${faults} (part, "row", free) SELECT ${part}, unnest($1::tid[]), true`,
      [suspects],
    );
    const others = `SELECT r."row" FROM (${statement.rows}) r
      WHERE NOT EXISTS (SELECT 1 FROM ${faults} f WHERE f."row" = r."row" AND f.free)`;
    const done = await tryStatement(this.#site, statement.some(`ARRAY(${others})`));
    return (done ?? (await this.#pass(part, others))) + (await this.#retry(part, 'ASC'));
  }

  /**
   * Tries refused rows again that may have waited for each other or for rows done since, until none succeeds any more.
   * @returns the number of rows done, by operation
   */
  async settle(): Promise<ReadonlyMap<RowStatement['operation'], number>> {
    const done = new Map<RowStatement['operation'], number>();
    for (let left = await this.#waiting(); left > 0 && (await this.#free()) > 0;) {
      if (!(await this.#together(done))) await this.#again(done);
      const before = left;
      left = await this.#waiting();
      if (before - left < (this.#round < manyRounds ? 1 : before / 100)) break;
    }
    return done;
  }

  /** Returns the statement that a line of `faults` belongs to. */
  part(number: number): RowStatement | undefined {
    return this.#parts[number];
  }

  /** Returns the number of refused rows that may still succeed. */
  async #waiting(): Promise<number> {
    if (!this.faulty) return 0;
    const { rows } = await this.#sql(`SELECT count(*) AS n FROM ${this.#site.faults} WHERE again`);
    return Number(rows[0]?.['n']);
  }

  /** Marks as `free` the refused rows that wait for nothing, or only for each other; returns how many. */
  async #free(): Promise<number> {
    const { faults, session, client } = this.#site;
    const rows = await this.#stuck(`SELECT f."row" FROM ${faults} f WHERE f.again`, faults);
    const { count } = await session.run(
      client,
      `UPDATE ${faults} f SET free = true WHERE f.again
         AND NOT EXISTS (SELECT 1 FROM unnest($1::tid[]) k WHERE k = f."row")`,
      [rows],
    );
    return count;
  }

  /**
   * Returns the rows that wait, themselves or through others, for something that will not come.
   * @param rows a query for the rows to look at
   * @param tables the tables that hold them; they are analysed so that the planner knows their size
   */
  async #stuck(rows: string, tables: string): Promise<string[]> {
    const edges = this.#site.ties?.edges(await this.#targetRules(), rows) ?? null;
    if (edges === null) return [];
    await this.#sql('SAVEPOINT edges');
    try {
      // A small sample tells enough.
      await this.#sql('SET LOCAL default_statistics_target = 1');
      await this.#sql(`ANALYZE ${tables}`);
      await this.#sql('SET LOCAL default_statistics_target TO DEFAULT');
      const answer = await this.#sql(edges);
      await this.#sql('RELEASE edges');
      return [...stuckRows(answer.rows)];
    } catch (error) {
      // The edges are only a hint: a rule may fail on a value, or need a right that is missing.
      if (!isStatementFault(error)) throw error;
      await this.#sql('ROLLBACK TO edges');
      return [];
    }
  }

  async #targetRules(): Promise<Rules> {
    const { session, client, target } = this.#site;
    this.#rules ??= await rulesOf(session, client, target);
    return this.#rules;
  }

  /** Tries all free rows at once. Returns false, with nothing done, when that fails. */
  async #together(done: Map<RowStatement['operation'], number>): Promise<boolean> {
    const landed = await this.#allOrNone();
    if (landed === null) return false;
    await this.#sql(`DELETE FROM ${this.#site.faults} WHERE free`);
    for (const [operation, n] of landed) done.set(operation, (done.get(operation) ?? 0) + n);
    return true;
  }

  /** Writes the free rows. Returns null, with nothing done, when one of them is refused or left out. */
  async #allOrNone(): Promise<Map<RowStatement['operation'], number> | null> {
    const { faults, ties } = this.#site;
    const landed = new Map<RowStatement['operation'], number>();
    const { rows } = await this.#sql(
      `SELECT part, count(*) AS n FROM ${faults} WHERE free GROUP BY part`,
    );
    const wanted = new Map(rows.map((row) => [Number(row['part']), Number(row['n'])]));
    await this.#sql('SAVEPOINT together');
    try {
      await this.#sql('SET CONSTRAINTS ALL DEFERRED');
      const parked = ties?.park(faults) ?? null;
      if (parked !== null) await this.#sql(parked);
      // Creates come first: an updated record has by now given up a value that a new one takes, and may refer to a new
      // one.
      const order = [...wanted.keys()].toSorted((a, b) => this.#rank(a) - this.#rank(b));
      for (const part of order) {
        const statement = this.#parts[part]!;
        const free = `ARRAY(SELECT f."row" FROM ${faults} f WHERE f.part = ${part} AND f.free)`;
        const { count } = await this.#sql(statement.some(free));
        // A row that a trigger leaves out would keep the value that it was parked with.
        if (statement.operation === 'update' && count < (wanted.get(part) ?? 0)) {
          await this.#sql('ROLLBACK TO together');
          return null;
        }
        landed.set(statement.operation, (landed.get(statement.operation) ?? 0) + count);
      }
      await this.#sql('SET CONSTRAINTS ALL IMMEDIATE');
      await this.#sql('RELEASE together');
      return landed;
    } catch (error) {
      if (!isStatementFault(error)) throw error;
      await this.#sql('ROLLBACK TO together');
      return null;
    }
  }

  #rank(part: number): number {
    return this.#parts[part]?.operation === 'create' ? 0 : 1;
  }

  /** Tries the free rows in groups, in reverse order every second time: most wait for a row beside them. */
  async #again(done: Map<RowStatement['operation'], number>): Promise<void> {
    const order = this.#round % 2 === 0 ? 'DESC' : 'ASC';
    this.#round += 1;
    for (const [part, { operation }] of this.#parts.entries())
      done.set(operation, (done.get(operation) ?? 0) + (await this.#retry(part, order)));
  }

  /** Tries the free rows of a statement in groups; returns the number of rows done. */
  async #retry(part: number, order: 'ASC' | 'DESC'): Promise<number> {
    const free = `FROM ${this.#site.faults} f WHERE f.part = ${part} AND f.free`;
    const done = await this.#pass(part, `SELECT f."row" ${free}`, order);
    await this.#sql(`DELETE ${free}`);
    return done;
  }

  /**
   * Runs a statement over groups of rows, and puts the refused rows into `faults`.
   * @param rows a query for the rows, as `row`
   * @returns the number of rows done
   */
  async #pass(part: number, rows: string, order: 'ASC' | 'DESC' = 'ASC'): Promise<number> {
    const { target, faults } = this.#site;
    const { outgoing } = await this.#targetRules();
    const own = outgoing.filter(({ self }) => self).map(({ name }) => JSON.stringify(name));
    const names = literal(`{${own.join(',')}}`);
    const numbered = `SELECT r."row", row_number() OVER (ORDER BY r."row" ${order}) AS n FROM (${rows}) r`;
    const statement = this.#parts[part]!.some('sluice_rows').replace(/^SELECT/, 'PERFORM');
    const body = `#variable_conflict use_column
DECLARE
  sluice_group tid[]; sluice_rows tid[]; sluice_at int; sluice_size int; sluice_suspect int;
  sluice_step int := ${groupSize}; sluice_n bigint; sluice_done bigint := 0;
  sluice_code text; sluice_message text; sluice_field text; sluice_rule text; sluice_context text;
BEGIN
  PERFORM set_config('plan_cache_mode', 'force_generic_plan', true);
  FOR sluice_group IN SELECT array_agg(g."row" ORDER BY g.n) FROM (${numbered}) g
      GROUP BY (g.n - 1) / ${groupSize} ORDER BY (g.n - 1) / ${groupSize} LOOP
    sluice_at := 1;
    sluice_suspect := 0; -- up to here, one is at fault
    WHILE sluice_at <= cardinality(sluice_group) LOOP
      sluice_size := CASE WHEN sluice_suspect >= sluice_at THEN greatest((sluice_suspect - sluice_at + 1) / 2, 1)
        ELSE least(sluice_step, cardinality(sluice_group) - sluice_at + 1) END;
      sluice_rows := sluice_group[sluice_at : sluice_at + sluice_size - 1];
      BEGIN
        ${statement};
        GET DIAGNOSTICS sluice_n = ROW_COUNT;
        sluice_done := sluice_done + sluice_n;
        IF sluice_suspect < sluice_at THEN sluice_step := least(sluice_step * 2, ${groupSize}); END IF;
        sluice_at := sluice_at + sluice_size;
      EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS sluice_code = RETURNED_SQLSTATE, sluice_message = MESSAGE_TEXT,
          sluice_field = COLUMN_NAME, sluice_rule = CONSTRAINT_NAME, sluice_context = PG_EXCEPTION_CONTEXT;
        sluice_context := split_part(sluice_context, chr(10), 1);
        -- Only records may stand aside: a failure of the system ends the transaction.
        IF sluice_code !~ ${literal(recordStates)}
          AND NOT (sluice_code = '42501' AND row_security_active(${literal(target)}::regclass))
          AND NOT (sluice_context LIKE '% at RAISE' AND sluice_code !~ ${literal(systemStates)}) THEN RAISE; END IF;
        IF sluice_size > 1 THEN
          sluice_suspect := sluice_at + sluice_size - 1;
        ELSE
          IF sluice_context LIKE '% at RAISE' THEN
            sluice_message := 'refused by ' || split_part(sluice_context, ' line ', 1);
          END IF;
          INSERT INTO ${faults} VALUES (${part}, sluice_rows[1], sluice_code, sluice_message,
            nullif(sluice_field, ''), nullif(sluice_rule, ''), sluice_code ~ '^(21|23505|23P01|P0)'
              OR sluice_code = '23503' AND sluice_rule = ANY (${names}::text[]));
          sluice_at := sluice_at + 1;
          sluice_suspect := 0;
          sluice_step := greatest(sluice_step / 2, 1);
        END IF;
      END;
    END LOOP;
  END LOOP;
  PERFORM set_config('plan_cache_mode', 'auto', true), set_config('sluice.done', sluice_done::text, true);
END`;
    await this.#sql(`DO ${literal(body)}`);
    const { rows: answer } = await this.#sql(`SELECT current_setting('sluice.done') AS done`);
    return Number(answer[0]?.['done'] ?? 0);
  }

  #sql(text: string) {
    return this.#site.session.run(this.#site.client, text);
  }
}

/** Runs a statement. Returns null, with its effects undone, when a record made it fail. */
export async function tryStatement(
  { session, client }: Pick<Site, 'session' | 'client'>,
  sql: string,
): Promise<number | null> {
  await session.run(client, 'SAVEPOINT attempt');
  try {
    const answer = await session.run(client, sql);
    await session.run(client, 'RELEASE attempt');
    return answer.count;
  } catch (error) {
    if (!rowFault(error)) throw error;
    await session.run(client, 'ROLLBACK TO attempt');
    return null;
  }
}
