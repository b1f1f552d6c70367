import { sql, type Selectable } from 'kysely';
import type { RecordError } from '../../model/outcome.ts';
import type { Database } from '../database/database.ts';
import type { Schema } from '../database/schema.ts';
import { seriesKey, type ChunkSeries } from './readings.ts';
import type { Seal } from '../sealing/seal.ts';

type Row = Pick<
  Selectable<Schema['record_errors']>,
  'content' | 'operation' | 'code' | 'field' | 'retryable'
>;

/** The codes of records that their source could not read whole. */
const unreadable = ['too_large', 'malformed_record'];

/** The record errors of runs; keys and messages are sealed at rest. */
export class RecordErrors {
  readonly #db: Database;
  readonly #seal: Seal;

  readonly #series: string;

  /** @param series the part of a cycle whose chunks `ofChunk` and `put` are about. Default: those of a sync's run */
  constructor(db: Database, seal: Seal, series?: ChunkSeries) {
    this.#db = db;
    this.#seal = seal;
    this.#series = seriesKey(series);
  }

  /** A page of a run's errors; `after` is the `next` of the page before. */
  async list(
    run: string,
    page: { limit: number; after?: string },
  ): Promise<{ errors: RecordError[]; next: string | null }> {
    const rows = await this.#ofRun(run)
      .where('id', '>', page.after ?? '0')
      .orderBy('id')
      .limit(page.limit + 1)
      .execute();
    const errors = rows.slice(0, page.limit).map((row) => this.#toError(row));
    return { errors, next: rows.length > page.limit ? (rows[page.limit - 1]?.id ?? null) : null };
  }

  /**
   * Counts the records of the run that could not be read as far as their key. A record without a value for its key is not
   * counted: nothing it could stand for is ever removed.
   */
  async unnamed(run: string): Promise<number> {
    const rows = await this.#ofRun(run).where('code', 'in', unreadable).execute();
    return rows.filter((row) => this.#toError(row).key?.includes(null) ?? true).length;
  }

  /** All errors of one chunk. */
  async ofChunk(run: string, no: number): Promise<RecordError[]> {
    const rows = await this.#ofRun(run)
      .where('reading', '=', this.#series)
      .where('no', '=', no)
      .orderBy('id')
      .execute();
    return rows.map((row) => this.#toError(row));
  }

  #ofRun(run: string) {
    return this.#db
      .selectFrom('record_errors')
      .select(['id', 'content', 'operation', 'code', 'field', 'retryable'])
      .where('run', '=', run);
  }

  /** Puts the errors of one chunk, as a part of the transaction that commits the chunk. */
  async put(tx: Database, run: string, no: number, errors: readonly RecordError[]): Promise<void> {
    if (errors.length === 0) return;
    const sealed = errors.map(({ key, message }) =>
      this.#seal.seal(JSON.stringify({ key, message })),
    );
    const clear = errors.map(({ operation, code, field, retryable }) => ({
      operation,
      code,
      field,
      retryable,
    }));
    await sql`insert into record_errors (run, reading, no, content, operation, code, field, retryable)
      select ${run}, ${this.#series}, ${no}, content, e->>'operation', e->>'code', e->>'field', (e->>'retryable')::boolean
      from rows from (unnest(${sealed}::bytea[]), jsonb_array_elements(${JSON.stringify(clear)}::jsonb)) as t (content, e)`.execute(
      tx,
    );
  }

  #toError({ content, operation, code, field, retryable }: Row): RecordError {
    const sealed = JSON.parse(this.#seal.open(content).toString()) as Pick<
      RecordError,
      'key' | 'message'
    >;
    return { ...sealed, operation, code, retryable, ...(field !== null && { field }) };
  }
}
