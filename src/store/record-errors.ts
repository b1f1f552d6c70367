import { sql } from 'kysely';
import type { RecordError } from '../model/outcome.ts';
import type { Database } from './database.ts';

/** The record errors of runs. */
export class RecordErrors {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** A page of a run's errors; `after` is the `next` of the page before. */
  async list(
    run: string,
    page: { limit: number; after?: string },
  ): Promise<{ errors: RecordError[]; next: string | null }> {
    const { rows } = await sql<RecordError & { id: string; field: string | null }>`
      select id, key, operation, code, message, field, retryable from record_errors
      where run = ${run} and id > ${page.after ?? '0'}::bigint order by id limit ${page.limit + 1}`.execute(
      this.#db,
    );
    const errors = rows
      .slice(0, page.limit)
      .map(({ id: _id, field, ...error }) => (field === null ? error : { ...error, field }));
    return { errors, next: rows.length > page.limit ? (rows[page.limit - 1]?.id ?? null) : null };
  }

  /** All errors of one chunk. */
  async ofChunk(run: string, no: number): Promise<RecordError[]> {
    const { rows } = await sql<RecordError & { field: string | null }>`
      select key, operation, code, message, field, retryable from record_errors
      where run = ${run} and no = ${no} order by id`.execute(this.#db);
    return rows.map(({ field, ...error }) => (field === null ? error : { ...error, field }));
  }
}
