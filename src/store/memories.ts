import { sql } from 'kysely';
import type { Database } from './database/database.ts';
import type { Seal } from './sealing/seal.ts';

/** A remembered value. */
interface Remembered {
  readonly value: string;
  /** Changes with every `swap`. */
  readonly version: string;
}

/** The memory of connections between runs: sealed at rest, changed by compare and set, gone with the connection. */
export class Memories {
  readonly #db: Database;
  readonly #seal: Seal;

  constructor(db: Database, seal: Seal) {
    this.#db = db;
    this.#seal = seal;
  }

  /** Null where there is nothing of this name. */
  async get(connection: string, name: string): Promise<Remembered | null> {
    const row = await this.#db
      .selectFrom('connection_memory')
      .select(['version', 'data'])
      .where('connection', '=', connection)
      .where('name', '=', name)
      .executeTakeFirst();
    return row === undefined
      ? null
      : { value: this.#seal.open(row.data).toString(), version: row.version };
  }

  /**
   * Replaces a value if it still is the one that was read.
   * @param value null forgets it
   * @param before null: there must be none
   * @returns false where somebody else was faster
   */
  async swap(
    connection: string,
    name: string,
    value: string | null,
    before: Pick<Remembered, 'version'> | null,
  ): Promise<boolean> {
    const version = before?.version ?? null;
    const changed =
      value === null
        ? sql`delete from connection_memory
            where connection = ${connection} and name = ${name} and version = ${version}`
        : before === null
          ? sql`insert into connection_memory (connection, name, data)
              values (${connection}, ${name}, ${this.#seal.seal(value)}) on conflict do nothing`
          : sql`update connection_memory set data = ${this.#seal.seal(value)}, version = version + 1
              where connection = ${connection} and name = ${name} and version = ${version}`;
    return Number((await changed.execute(this.#db)).numAffectedRows ?? 0) > 0;
  }
}
