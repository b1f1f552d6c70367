import { sql } from 'kysely';
import type { Database } from '../database/database.ts';
import type { Seal } from '../sealing/seal.ts';
import type { SourceReading } from './readings.ts';

/** What a cycle has settled of its readings: from where to where each goes, and which scans are done. */
export class Passes {
  readonly #db: Database;
  readonly #seal: Seal;

  constructor(db: Database, seal: Seal) {
    this.#db = db;
    this.#seal = seal;
  }

  /** The position that a reading begins with, as it was settled; null where it has not been. */
  async get(run: string, { source, reading }: SourceReading): Promise<string | null> {
    const { rows } = await sql<{ position: Buffer | null }>`
      select position from passes
      where run = ${run} and source = ${source} and reading = ${reading}`.execute(this.#db);
    const position = rows[0]?.position ?? null;
    return position && this.#seal.open(position).toString();
  }

  /** Settles a reading, once: of attempts that overlap the first counts. A cycle that is over settles nothing (R6). */
  async settle(run: string, reading: SourceReading, position: string): Promise<void> {
    await this.#add(run, reading, this.#seal.seal(position));
  }

  /** Notes that all ids of a source were read. */
  async noteScanned(run: string, source: string): Promise<void> {
    await this.#add(run, { source, reading: 'ids' }, null);
  }

  /** True when all ids of a source were read. */
  async isScanned(run: string, source: string): Promise<boolean> {
    const { rows } = await sql`
      select from passes where run = ${run} and source = ${source} and reading = 'ids'`.execute(
      this.#db,
    );
    return rows.length > 0;
  }

  async #add(
    run: string,
    { source, reading }: SourceReading,
    position: Buffer | null,
  ): Promise<void> {
    await sql`insert into passes (run, source, reading, position)
      select id, ${source}, ${reading}, ${position}::bytea from runs
      where id = ${run} and finished_at is null on conflict do nothing`.execute(this.#db);
  }
}
