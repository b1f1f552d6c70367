import { Kysely, Migrator, PostgresDialect } from 'kysely';
import { Pool } from 'pg';
import { migrations } from './migrations/index.ts';

/** The state database. Queries are written as SQL: Kysely gives parameters, transactions and migrations. */
export type Database = Kysely<Record<string, never>>;

/**
 * Opens the state database. Does no I/O until the first query.
 * @param url a `postgres://` URL
 * @param connections most connections at once. Default 8.
 */
export function openDatabase(url: string, connections = 8): Database {
  const pool = new Pool({
    connectionString: url,
    max: connections,
    application_name: 'sluice',
    connectionTimeoutMillis: 10_000,
    query_timeout: 60_000,
    keepAlive: true,
  });
  // A dropped idle connection is replaced at the next query; without a listener it would end the process.
  pool.on('error', () => undefined);
  // Nor may one that dies while it is lent out: whoever holds it learns of it from the query.
  pool.on('connect', (client) => void client.on('error', () => undefined));
  return new Kysely({ dialect: new PostgresDialect({ pool }) });
}

/**
 * Brings the schema up to date. Safe to call from several processes at once: Kysely takes a lock.
 * @throws the error of the migration that failed; the ones before it stay applied
 */
export async function migrate(db: Database): Promise<void> {
  const migrator = new Migrator({
    db,
    provider: { getMigrations: async () => migrations },
    // Versions may add numbers between those that a database has.
    allowUnorderedMigrations: true,
  });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
}
