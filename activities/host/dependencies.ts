import type { FindsConnectors } from '../../src/connectors/registry.ts';
import type { Store } from '../../src/store/store.ts';

/** The store and connectors that every activity works with. */
export interface Dependencies {
  readonly store: Store;
  readonly connectors: FindsConnectors;
}
