import type { EncryptionKeys } from './encryption-key.ts';
import { migrate, openDatabase, type Database } from '../store/database/database.ts';
import { createKeyRing } from '../store/sealing/key-ring.ts';
import { reseal } from '../store/sealing/reseal.ts';
import { openSeal, type Seal } from '../store/sealing/seal.ts';
import { createStore, type Store } from '../store/store.ts';

/** The open state store. */
export interface State {
  readonly store: Store;
  /** Resolves to true when the database answers. */
  answers(): Promise<boolean>;
  /** Encrypts everything with the current key; returns the number of values that another key had encrypted. */
  reseal(): Promise<number>;
  close(): Promise<void>;
}

/** The longest time that a migration's statement may take. Milliseconds. */
const migrationMs = 600_000;

/** The longest time that a query of the API may take, after which its caller gets an error. Milliseconds. */
export const apiQueryMs = 10_000;

/**
 * Opens the state store and brings its schema up to date.
 * @param queryTimeoutMs default: a minute, as activities use it
 * @throws ConfigError `wrong_encryption_key` when the keys do not open it
 */
export async function openState(
  url: string,
  keys: EncryptionKeys,
  queryTimeoutMs = 60_000,
): Promise<State> {
  await migrateAt(url);
  const db = openDatabase(url, { queryTimeoutMs });
  try {
    return stateOf(db, await openSeal(db, createKeyRing(keys)));
  } catch (error) {
    await db.destroy();
    throw error;
  }
}

async function migrateAt(url: string): Promise<void> {
  const db = openDatabase(url, { connections: 2, queryTimeoutMs: migrationMs });
  try {
    await migrate(db);
  } finally {
    await db.destroy();
  }
}

function stateOf(db: Database, seal: Seal): State {
  const store = createStore(db, seal);
  return {
    store,
    answers: () =>
      store.runs.list({ limit: 1 }).then(
        () => true,
        () => false,
      ),
    reseal: () => reseal(db, seal, 'all'),
    close: () => db.destroy(),
  };
}
