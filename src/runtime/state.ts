import { migrate, openDatabase } from '../store/database.ts';
import { createSeal } from '../store/seal.ts';
import { createStore, type Store } from '../store/store.ts';

/** The open state store. */
export interface State {
  readonly store: Store;
  /** Whether the database answers. */
  answers(): Promise<boolean>;
  close(): Promise<void>;
}

/** Opens the state store and brings its schema up to date. */
export async function openState(url: string, key: Buffer): Promise<State> {
  const db = openDatabase(url);
  try {
    await migrate(db);
  } catch (error) {
    await db.destroy();
    throw error;
  }
  const store = createStore(db, createSeal(key));
  return {
    store,
    answers: () =>
      store.runs.list({ limit: 1 }).then(
        () => true,
        () => false,
      ),
    close: () => db.destroy(),
  };
}
