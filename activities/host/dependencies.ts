import type { Connector } from '../../src/connectors/contract/connector.ts';
import type { Store } from '../../src/store/store.ts';

/** What every activity is made with. */
export interface Dependencies {
  readonly store: Store;
  readonly connectorOf: (type: string) => Connector | undefined;
}
