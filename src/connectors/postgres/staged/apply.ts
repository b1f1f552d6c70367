import type pg from 'pg';
import { TransientError } from '../../../model/failure.ts';
import { stagingLost } from '../../../model/workflow.ts';
import type { ChunkRef, ChunkResult, StagedFault } from '../../contract/staging.ts';
import { keptResult, resultOf } from './applied-result.ts';
import type { SluiceTables } from '../catalog/sluice-tables.ts';
import { lockTables } from '../catalog/sluice-tables.ts';
import { ChunkStage, keyOf } from './chunk-stage.ts';
import type { Cast, ChunkSql } from './chunk-sql.ts';
import { forgetLate } from './late.ts';
import { literal } from '../catalog/names.ts';
import type { Session } from '../link/session.ts';
import { advanceSequences } from '../catalog/sequences.ts';
import { foldsKeys } from '../catalog/table.ts';
import { ChunkWriter } from './write-chunk.ts';

/** A request to apply one chunk. */
export interface ApplyRequest {
  readonly session: Session;
  readonly sluiceTables: SluiceTables;
  readonly chunk: ChunkRef;
  readonly sql: ChunkSql;
  readonly dryRun: boolean;
}

/** The facts about the rows of a staged chunk. */
interface Census {
  readonly all: number;
  /** True when any row has a fault, lacks a field, or has no value for its key. */
  readonly faults: boolean;
  readonly missing: boolean;
  readonly keyless: boolean;
}

/** Applies a staged chunk in the transaction that `client` is in. Call `run` once. */
export class ChunkApply {
  private readonly request: ApplyRequest;
  private readonly client: pg.PoolClient;
  private readonly stage: ChunkStage;

  constructor(request: ApplyRequest, client: pg.PoolClient) {
    this.request = request;
    this.client = client;
    this.stage = new ChunkStage({ ...request, client });
  }

  /** Returns the result of this call, or the stored result of an earlier one. */
  async run(): Promise<ChunkResult> {
    const { sluiceTables, chunk } = this.request;
    await this.stage.run('SET CONSTRAINTS ALL IMMEDIATE');
    const claimed = await this.claim();
    if ('done' in claimed) {
      await sluiceTables.dropStaged(this.request.session, this.client, chunk.run, chunk.chunk);
      return claimed.done;
    }
    await this.checkCasts(this.request.sql.keyCasts);
    await this.see();
    const result = await this.write(claimed.census);
    await this.stage.run(
      `UPDATE ${sluiceTables.marker} SET done_at = now(), result = $3 WHERE run = $1 AND chunk = $2`,
      [chunk.run, chunk.chunk, keptResult(result)],
    );
    await sluiceTables.dropStaged(this.request.session, this.client, chunk.run, chunk.chunk);
    return result;
  }

  private async write(census: Census): Promise<ChunkResult> {
    const { sql } = this.request;
    await this.checkCasts(sql.valueCasts);
    await forgetLate({ ...this.request, client: this.client });
    if (census.faults) await this.takeFaults();
    if (census.keyless) await this.takeUnmatchable();
    if (!sql.distinctKeys) await this.takeDuplicates();
    if (!sql.table.uniqueKey || foldsKeys(sql.table)) await this.takeAmbiguous();
    const { stage } = this;
    const writer = new ChunkWriter(stage, this.request.dryRun);
    const sample = (await writer.createAll(census.all, census.missing))
      ? undefined
      : await writer.writeDue(census.missing);
    const { created, updated } = writer;
    if (sql.table.advances && created > 0 && !this.request.dryRun)
      await advanceSequences(this.request.session, this.client, sql.table);
    const stats = {
      imported: census.all,
      created,
      updated,
      unchanged: census.all - created - updated - stage.gone,
      skipped: stage.skipped,
      removed: 0,
      errors: stage.errors.length,
      removeErrors: 0,
    };
    return { stats, errors: stage.errors, ...(sample && { sample }) };
  }

  /**
   * Locks the chunk's marker. Returns the first result if there is one, else the facts about the staged rows once they
   * are proved complete.
   */
  private async claim(): Promise<{ done: ChunkResult } | { census: Census }> {
    const { sluiceTables, chunk, session } = this.request;
    const { rows } = await this.stage.run(
      `SELECT token, staged, result, to_regclass(${literal(this.stage.rows)}) IS NOT NULL AS here
       FROM ${sluiceTables.marker} WHERE run = $1 AND chunk = $2 FOR UPDATE`,
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
    const { rows } = await this.stage.run(
      `SELECT count(*) AS all, count(_fault) > 0 AS faults, count(_missing) > 0 AS missing,
         coalesce(bool_or(${this.request.sql.lacksKey}), false) AS keyless FROM ${this.stage.rows} s`,
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

  /** Tries every cast. Rows that fail one become record errors. */
  private async checkCasts(casts: readonly Cast[]): Promise<void> {
    if (casts.length === 0) return;
    const tries = casts.map(({ sql }) => `count(${sql})`);
    const all = `SELECT ${tries.join(', ')} FROM ${this.stage.rows} s`;
    if ((await this.stage.attempt(all)) !== null) return;
    for (const [at, cast] of casts.entries()) {
      const isolation = this.stage.isolation();
      const whole = `SELECT ${tries[at]} FROM ${this.stage.rows} s`;
      await isolation.run({
        operation: 'match',
        whole,
        some: (rows) => `${whole} WHERE s.ctid = ANY(${rows})`,
        rows: `SELECT s.ctid AS "row" FROM ${this.stage.rows} s ORDER BY s.ctid`,
        tables: this.stage.rows,
      });
      await this.stage.takeRefused(isolation, cast);
    }
  }

  /**
   * Stores the keys of every record, including those at fault, because a mirror must not remove what the source has
   * (R7). Keys with a null part are left out: no destination record is removed for those.
   */
  private async see(): Promise<void> {
    const { sluiceTables, chunk, sql, session } = this.request;
    if (!sql.table.target.permissions.remove) return;
    const seen = sluiceTables.seen(sql.table.target.seenBy ?? chunk.run);
    const keys = sql.key.map((key, at) => `${key} AS k${at}`).join(', ');
    const select = `SELECT ${keys} FROM ${this.stage.rows} s WHERE NOT (${sql.nullKey})`;
    const { rows } = await this.stage.run(`SELECT to_regclass(${literal(seen)}) IS NULL AS fresh`);
    if (rows[0]?.['fresh'] === 't') {
      await lockTables(session, this.client);
      await this.stage.run(`CREATE TABLE IF NOT EXISTS ${seen} AS ${select} LIMIT 0`);
    }
    await this.stage.run(`INSERT INTO ${seen} ${select}`);
  }

  private async takeFaults(): Promise<void> {
    const { keyTexts } = this.request.sql;
    const { rows } = await this.stage.run(
      `DELETE FROM ${this.stage.rows} s WHERE _fault IS NOT NULL RETURNING array_to_json(${keyTexts}) AS key, _fault AS fault`,
    );
    for (const row of rows) {
      const fault = JSON.parse(row['fault'] ?? '{}') as StagedFault;
      this.stage.errors.push({ key: keyOf(row), operation: 'match', retryable: false, ...fault });
    }
  }

  private async takeUnmatchable(): Promise<void> {
    const { sql } = this.request;
    await this.stage.take(`DELETE FROM ${this.stage.rows} s WHERE ${sql.lacksKey}`, {
      code: 'missing_key',
      message: 'the record has no value for its key',
    });
  }

  /** Keeps the last of several records with the same key. */
  private async takeDuplicates(): Promise<void> {
    const { sql } = this.request;
    const { count } = await this.stage.run(
      `DELETE FROM ${this.stage.rows} t USING (SELECT s.ctid AS at,
         row_number() OVER (PARTITION BY ${sql.key.join(', ')} ORDER BY s.ctid DESC) AS n
         FROM ${this.stage.rows} s) r WHERE t.ctid = r.at AND r.n > 1`,
    );
    this.stage.skipped.duplicate += count;
  }

  private async takeAmbiguous(): Promise<void> {
    const { sql } = this.request;
    await this.stage.take(
      `DELETE FROM ${this.stage.rows} s WHERE s.ctid IN (SELECT s.ctid FROM ${this.stage.rows} s
         JOIN ${sql.table.relation.from} d ON ${sql.matches} GROUP BY s.ctid HAVING count(*) > 1)`,
      { code: 'ambiguous_match', message: 'the key matches several destination records' },
    );
  }
}
