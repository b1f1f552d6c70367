import type pg from 'pg';
import type { JsonObject } from '../../../model/json.ts';
import type { Session } from '../link/session.ts';

/**
 * Notes, for the time of a run, of how the table stores what its operations gave. They are written in the transaction of
 * the operations, so an operation whose answer was lost is known when it is repeated, whatever the table made of its
 * values, and whoever has edited the record since.
 */
export class StoredNotes {
  readonly #session: Session;
  readonly #client: pg.PoolClient;
  readonly #table: string;
  readonly #run: string;

  /** @param table `SluiceTables.stored` */
  constructor(session: Session, client: pg.PoolClient, table: string, run: string) {
    this.#session = session;
    this.#client = client;
    this.#table = table;
    this.#run = run;
  }

  /** Notes the written fields of records, as texts, by idempotency key. */
  async put(stored: ReadonlyMap<string, JsonObject>): Promise<void> {
    if (stored.size === 0) return;
    await this.#session.run(
      this.#client,
      `INSERT INTO ${this.#table} (idempotency_key, stored)
       SELECT k, s::json FROM unnest($1::text[], $2::text[]) AS w(k, s) ORDER BY k
       ON CONFLICT (idempotency_key) DO UPDATE SET stored = excluded.stored`,
      [
        [...stored.keys()].map((key) => this.#keyOf(key)),
        [...stored.values()].map((values) => JSON.stringify(values)),
      ],
    );
  }

  /** Returns what was noted of these operations, by idempotency key. */
  async get(keys: readonly string[]): Promise<Map<string, JsonObject>> {
    if (keys.length === 0) return new Map();
    const { rows } = await this.#session.run(
      this.#client,
      `SELECT idempotency_key AS key, stored FROM ${this.#table} WHERE idempotency_key = ANY($1::text[])`,
      [keys.map((key) => this.#keyOf(key))],
    );
    const noted = new Map(rows.map(({ key, stored }) => [key, stored]));
    return new Map(
      keys.flatMap((key): [string, JsonObject][] => {
        const text = noted.get(this.#keyOf(key));
        return text == null ? [] : [[key, JSON.parse(text) as JsonObject]];
      }),
    );
  }

  #keyOf(idempotencyKey: string): string {
    return `${this.#run}-${idempotencyKey}`;
  }
}
