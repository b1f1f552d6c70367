import type { FindsConnectors } from '../../src/connectors/registry.ts';
import type { Store } from '../../src/store/store.ts';

/** What every activity is made with. */
export interface Dependencies {
  readonly store: Store;
  readonly connectors: FindsConnectors;
}
