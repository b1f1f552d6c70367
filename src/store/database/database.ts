import { Kysely, Migrator, PostgresDialect } from 'kysely';
import { migrations } from '../migrations/index.ts';
import type { Schema } from './schema.ts';
import { openPool, type PoolOptions } from './pool.ts';

/** The state database. Queries are written as SQL: Kysely gives parameters, transactions and migrations. */
export type Database = Kysely<Schema>;

/**
 * Opens the state database. Does no I/O until the first query.
 * @param url a `postgres://` URL
 * @param options default: 8 connections, a minute for a query
 */
export function openDatabase(url: string, options: Partial<PoolOptions> = {}): Database {
  const pool = openPool(url, { connections: 8, queryTimeoutMs: 60_000, ...options });
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
