import { sql } from 'kysely';
import type { Database } from '../database/database.ts';
import type { Seal } from '../sealing/seal.ts';
import type { SourceReading } from './readings.ts';

/** The readings of a cycle: where each begins and ends, once that is settled, and the scans that are done. */
export class Passes {
  readonly #db: Database;
  readonly #seal: Seal;

  constructor(db: Database, seal: Seal) {
    this.#db = db;
    this.#seal = seal;
  }

  /** The position that a reading begins with, as it was settled; null where it has not been. */
  async get(run: string, { source, reading }: SourceReading): Promise<string | null> {
    const row = await this.#one(run, source, reading).executeTakeFirst();
    return this.#seal.openText(row?.position ?? null);
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
    return (await this.#one(run, source, 'ids').executeTakeFirst()) !== undefined;
  }

  #one(run: string, source: string, reading: SourceReading['reading']) {
    return this.#db
      .selectFrom('passes')
      .select('position')
      .where('run', '=', run)
      .where('source', '=', source)
      .where('reading', '=', reading);
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
