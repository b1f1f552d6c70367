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

/** What users have declared: connections and syncs. */
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
    const rows = await this.#connections(sql`where id = ${id}`);
    return rows[0] ?? null;
  }

  async connections(): Promise<StoredConnection[]> {
    return this.#connections(sql`order by id`);
  }

  async removeConnection(id: string): Promise<boolean> {
    const result = await sql`delete from connections where id = ${id}`.execute(this.#db);
    return Number(result.numAffectedRows ?? 0) > 0;
  }

  async putSync(id: string, spec: SyncSpec): Promise<'created' | 'replaced'> {
    const { rows } = await sql<{ created: boolean }>`
      insert into syncs (id, spec) values (${id}, ${JSON.stringify(spec)})
      on conflict (id) do update set spec = excluded.spec, updated_at = now()
      returning xmax = 0 as created`.execute(this.#db);
    return rows[0]?.created === true ? 'created' : 'replaced';
  }

  async sync(id: string): Promise<SyncSpec | null> {
    const { rows } = await sql<{ spec: SyncSpec }>`select spec from syncs where id = ${id}`.execute(
      this.#db,
    );
    return rows[0]?.spec ?? null;
  }

  /** The declared syncs; those of entities' destinations are not among them. */
  async syncs(): Promise<{ id: string; spec: SyncSpec }[]> {
    const { rows } = await sql<{
      id: string;
      spec: SyncSpec;
    }>`select id, spec from syncs where entity is null order by id`.execute(this.#db);
    return rows;
  }

  async removeSync(id: string): Promise<boolean> {
    const result = await sql`delete from syncs where id = ${id} and entity is null`.execute(
      this.#db,
    );
    return Number(result.numAffectedRows ?? 0) > 0;
  }

  async #connections(clause: ReturnType<typeof sql>): Promise<StoredConnection[]> {
    const { rows } = await sql<{ id: string; type: string; settings: Buffer }>`
      select id, type, settings from connections ${clause}`.execute(this.#db);
    return rows.map(({ id, type, settings }) => ({
      id,
      type,
      settings: JSON.parse(this.#seal.open(settings).toString()) as Record<string, unknown>,
    }));
  }
}
