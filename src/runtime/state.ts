import type { EncryptionKeys } from './encryption-key.ts';
import { migrate, openDatabase, type Database } from '../store/database.ts';
import { createKeyRing } from '../store/key-ring.ts';
import { reseal } from '../store/reseal.ts';
import { openSeal, type Seal } from '../store/seal.ts';
import { createStore, type Store } from '../store/store.ts';

/** The open state store. */
export interface State {
  readonly store: Store;
  /** Whether the database answers. */
  answers(): Promise<boolean>;
  /** Seals everything with the current key; returns how many values another key had sealed. */
  reseal(): Promise<number>;
  close(): Promise<void>;
}

/**
 * Opens the state store and brings its schema up to date.
 * @throws ConfigError `wrong_encryption_key` when the keys do not open it
 */
export async function openState(url: string, keys: EncryptionKeys): Promise<State> {
  const db = openDatabase(url);
  try {
    await migrate(db);
    return stateOf(db, await openSeal(db, createKeyRing(keys)));
  } catch (error) {
    await db.destroy();
    throw error;
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
