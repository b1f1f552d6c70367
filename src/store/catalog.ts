import { sql } from 'kysely';
import type { SyncSpec } from '../model/sync.ts';
import type { Database } from './database/database.ts';
import type { Seal } from './sealing/seal.ts';

/** A connection as it is kept: its settings are sealed at rest. */
export interface StoredConnection {
  readonly id: string;
  readonly type: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

/** The connections and syncs that users have declared. */
export class Catalog {
  readonly #db: Database;
  readonly #seal: Seal;

  constructor(db: Database, seal: Seal) {
    this.#db = db;
    this.#seal = seal;
  }

  async putConnection({ id, type, settings }: StoredConnection): Promise<'created' | 'replaced'> {
    const sealed = this.#seal.seal(Buffer.from(JSON.stringify(settings)));
    const { rows } = await sql<{ created: boolean }>`
      insert into connections (id, type, settings) values (${id}, ${type}, ${sealed})
      on conflict (id) do update set type = excluded.type, settings = excluded.settings, updated_at = now()
      returning xmax = 0 as created`.execute(this.#db);
    return rows[0]?.created === true ? 'created' : 'replaced';
  }

  async connection(id: string): Promise<StoredConnection | null> {
    const row = await this.#connections().where('id', '=', id).executeTakeFirst();
    return row === undefined ? null : this.#toConnection(row);
  }

  async connections(): Promise<StoredConnection[]> {
    const rows = await this.#connections().orderBy('id').execute();
    return rows.map((row) => this.#toConnection(row));
  }

  async removeConnection(id: string): Promise<boolean> {
    const { numDeletedRows } = await this.#db
      .deleteFrom('connections')
      .where('id', '=', id)
      .executeTakeFirst();
    return numDeletedRows > 0n;
  }

  async putSync(id: string, spec: SyncSpec): Promise<'created' | 'replaced'> {
    const { rows } = await sql<{ created: boolean }>`
      insert into syncs (id, spec) values (${id}, ${JSON.stringify(spec)})
      on conflict (id) do update set spec = excluded.spec, updated_at = now()
      returning xmax = 0 as created`.execute(this.#db);
    return rows[0]?.created === true ? 'created' : 'replaced';
  }

  async sync(id: string): Promise<SyncSpec | null> {
    const row = await this.#db
      .selectFrom('syncs')
      .select('spec')
      .where('id', '=', id)
      .executeTakeFirst();
    return row?.spec ?? null;
  }

  /** The declared syncs; those of entities' destinations are not among them. */
  async syncs(): Promise<{ id: string; spec: SyncSpec }[]> {
    return this.#db
      .selectFrom('syncs')
      .select(['id', 'spec'])
      .where('entity', 'is', null)
      .orderBy('id')
      .execute();
  }

  async removeSync(id: string): Promise<boolean> {
    const { numDeletedRows } = await this.#db
      .deleteFrom('syncs')
      .where('id', '=', id)
      .where('entity', 'is', null)
      .executeTakeFirst();
    return numDeletedRows > 0n;
  }

  #connections() {
    return this.#db.selectFrom('connections').select(['id', 'type', 'settings']);
  }

  #toConnection(row: { id: string; type: string; settings: Buffer }): StoredConnection {
    const settings = JSON.parse(this.#seal.open(row.settings).toString()) as Record<
      string,
      unknown
    >;
    return { ...row, settings };
  }
}
