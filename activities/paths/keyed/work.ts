import type { KeyedDestination } from '../../../src/connectors/contract/records.ts';
import type { Store } from '../../../src/store/store.ts';
import type { Ends } from '../../session/ends.ts';
import type { Books } from './books.ts';
import type { ChunkRecords } from './chunk-records.ts';

/** What the steps of a keyed path work with. */
export interface KeyedWork<D extends KeyedDestination = KeyedDestination> {
  readonly store: Store;
  readonly ends: Ends;
  readonly destination: D;
  readonly books: Books;
  readonly records: ChunkRecords;
}
