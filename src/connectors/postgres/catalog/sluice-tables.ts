import type pg from 'pg';
import type { ChunkRef } from '../../contract/staging.ts';
import { digest, ident, literal, namedSql, possibleTables } from './names.ts';
import type { Session } from '../link/session.ts';

/** The place of Sluice's own tables in a destination database. */
export class SluiceTables {
  private readonly schema: string;
  private readonly prefix: string;

  constructor(schema: string, prefix: string) {
    this.schema = schema;
    this.prefix = prefix;
  }

  /** The table with one row per chunk: the number of staged rows, and the result of applying them. */
  get marker(): string {
    return this.table('marker');
  }

  /** The table of the keys that each sync has written, for mirrors that remove only those. */
  get tracked(): string {
    return this.table('tracked');
  }

  /**
   * The table of records made by creates, by idempotency key. Rows of a run's own creates are deleted when it ends.
   */
  get created(): string {
    return this.table('created');
  }

  /**
   * The table of how operations of open runs are stored, by run and idempotency key. Rows of a run are deleted when it
   * ends.
   */
  get stored(): string {
    return this.table('stored');
  }

  staged({ run, chunk, token }: ChunkRef): string {
    return this.table(`staged_${digest(run)}_${chunk}_${token}`);
  }

  /** The table of the operations to do for the rows of a staged chunk. */
  actions({ run, chunk, token }: ChunkRef): string {
    return this.table(`staged_${digest(run)}_${chunk}_${token}_a`);
  }

  /** The table of those rows of a staged chunk that are at fault. */
  faults({ run, chunk, token }: ChunkRef): string {
    return this.table(`staged_${digest(run)}_${chunk}_${token}_e`);
  }

  seen(run: string): string {
    return this.table(`seen_${digest(run)}`);
  }

  removal(run: string): string {
    return this.table(`removal_${digest(run)}`);
  }

  /** Drops the staged tables of one chunk, or of all chunks of a run. */
  async dropStaged(session: Session, client: pg.PoolClient, run: string, chunk?: number) {
    const start = `${this.prefix}staged_${digest(run)}_${chunk === undefined ? '' : `${chunk}_`}`;
    const { rows } = await session.run(
      client,
      `SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE n.nspname = $1 AND c.relkind = 'r' AND starts_with(c.relname, $2)`,
      [this.schema, start],
    );
    for (const row of rows) {
      const name = `${ident(this.schema)}.${ident(row['name'] ?? '')}`;
      await session.run(client, `DROP TABLE IF EXISTS ${name}`);
    }
  }

  /** Creates the tables that outlive a run. */
  async create(session: Session): Promise<void> {
    const found = await session.query(
      `SELECT to_regclass(${literal(this.marker)}) IS NOT NULL
        AND to_regclass(${literal(this.tracked)}) IS NOT NULL
        AND to_regclass(${literal(this.created)}) IS NOT NULL
        AND to_regclass(${literal(this.stored)}) IS NOT NULL AS ready`,
    );
    if (found.rows[0]?.['ready'] === 't') return;
    await session.transaction(async (client) => {
      await lockTables(session, client);
      if (this.prefix === '') {
        // `to_regnamespace` would not do: its cache may miss a schema that was made while this session waited for the
        // lock.
        const here = await session.run(client, `SELECT FROM pg_namespace WHERE nspname = 'sluice'`);
        if (here.count === 0) await session.run(client, 'CREATE SCHEMA sluice');
      }
      await session.run(
        client,
        `CREATE TABLE IF NOT EXISTS ${this.marker} (run text NOT NULL, chunk integer NOT NULL,
          token bigint NOT NULL DEFAULT 0, staged bigint NOT NULL DEFAULT 0, done_at timestamptz,
          result jsonb, PRIMARY KEY (run, chunk))`,
      );
      await session.run(
        client,
        `CREATE TABLE IF NOT EXISTS ${this.tracked} (sync text NOT NULL, stream text NOT NULL,
          key text[] NOT NULL, PRIMARY KEY (sync, stream, key))`,
      );
      await session.run(
        client,
        `CREATE TABLE IF NOT EXISTS ${this.created} (idempotency_key text COLLATE "C" PRIMARY KEY, id text)`,
      );
      await session.run(
        client,
        `CREATE TABLE IF NOT EXISTS ${this.stored} (idempotency_key text COLLATE "C" PRIMARY KEY,
          stored json NOT NULL)`,
      );
    });
  }

  /** Deletes the rows of a run's operations: none of them is repeated any more. */
  async forgetOperations(session: Session, run: string): Promise<void> {
    const [from, to] = [`${run}-`, `${run}.`]; // '.' follows '-'
    for (const table of [this.created, this.stored])
      await session.query(
        `DELETE FROM ${table} WHERE idempotency_key >= $1 AND idempotency_key < $2`,
        [from, to],
      );
  }

  private table(name: string): string {
    return `${ident(this.schema)}.${ident(this.prefix + name)}`;
  }
}

/** Lets only one worker at a time make tables that several may want, until its transaction ends. */
export async function lockTables(session: Session, client: pg.PoolClient): Promise<void> {
  await session.run(client, `SELECT pg_advisory_xact_lock(hashtext('sluice.tables'))`);
}

/** Finds the place where Sluice may make tables for writing `stream`; null when it has the right nowhere. */
export async function findSluiceTables(
  session: Session,
  stream: string,
): Promise<SluiceTables | null> {
  const { rows } = await session.query(
    `SELECT CASE WHEN to_regnamespace('sluice') IS NULL
        THEN has_database_privilege(current_database(), 'CREATE')
        ELSE has_schema_privilege('sluice', 'CREATE') AND has_schema_privilege('sluice', 'USAGE') END AS own,
      n.nspname AS schema, has_schema_privilege(n.oid, 'CREATE') AS beside
     FROM ${namedSql} ORDER BY place LIMIT 1`,
    possibleTables(stream),
  );
  if (rows[0]?.['own'] === 't') return new SluiceTables('sluice', '');
  const { schema, beside } = rows[0] ?? {};
  return schema && beside === 't' ? new SluiceTables(schema, '_sluice_') : null;
}
