import type pg from 'pg';
import type { StagedLayout } from '../../contract/staging.ts';
import { asciiJson } from '../values/ascii-json.ts';
import type { ChunkSql } from './chunk-sql.ts';
import { copyIn } from './copy-in.ts';
import { encodeLine } from '../values/copy-lines.ts';
import type { Repertoire } from '../values/repertoire.ts';
import { Screen, type ScreenedRow } from '../values/screen.ts';
import type { Session } from '../link/session.ts';

/** The table to fill, and the layout of its rows. */
export interface StageCopyRequest {
  readonly session: Session;
  readonly client: pg.PoolClient;
  readonly staged: string;
  readonly sql: ChunkSql;
  readonly layout: StagedLayout;
  /** The characters that the database can hold; null for all. */
  readonly repertoire: Repertoire | null;
}

/** Copies lines into a staging table. Rows that it cannot hold come last, as faults. */
export class StageCopy {
  private readonly request: StageCopyRequest;
  private readonly aside: ScreenedRow[] = [];
  private rows = 0;

  constructor(request: StageCopyRequest) {
    this.request = request;
  }

  /** Copies lines of these columns. */
  async lines(columns: readonly string[], bytes: AsyncIterable<Uint8Array>): Promise<void> {
    const { sql, layout, repertoire } = this.request;
    if (repertoire === null) return this.copy(columns, bytes);
    const names = layout.columns.map((_, at) => sql.useOf(at)?.name);
    const fault = columns.indexOf('_fault');
    const screen = new Screen(repertoire, { names, key: layout.key, fault });
    await this.copy(columns, screen.pass(bytes));
    this.aside.push(...screen.aside);
  }

  /**
   * Copies the rows that were set aside.
   * @returns the number of rows that the table has now
   */
  async finish(): Promise<number> {
    const { layout } = this.request;
    if (this.aside.length > 0) await this.copy(rowColumns(layout), this.linesAside());
    return this.rows;
  }

  private async copy(columns: readonly string[], bytes: AsyncIterable<Uint8Array>): Promise<void> {
    const { session, client, staged } = this.request;
    const statement = `COPY ${staged} (${columns.join(', ')}) FROM STDIN`;
    this.rows += await copyIn(session, client, statement, bytes);
  }

  private async *linesAside(): AsyncGenerator<Buffer> {
    const width = this.request.layout.columns.length;
    for (const { values, fault } of this.aside)
      yield Buffer.from(encodeLine([...values.slice(0, width), asciiJson(fault), null]));
  }
}

/** Returns the columns of lines that hold whole rows: values, `_fault`, `_missing`. */
export function rowColumns(layout: StagedLayout): string[] {
  return [...layout.columns.map((_, at) => `c${at}`), '_fault', '_missing'];
}
