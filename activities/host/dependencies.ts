import type { Connector } from '../../src/connectors/contract/connector.ts';
import type { Store } from '../../src/store/store.ts';
import type { Sessions } from '../session/sessions.ts';
import type { Steering } from './steering.ts';

/** What every activity is made with. */
export interface Dependencies {
  readonly store: Store;
  readonly connectorOf: (type: string) => Connector | undefined;
}

/** What the activities of one worker share. */
export interface Shared extends Dependencies {
  readonly sessions: Sessions;
  readonly steering: Steering;
}
