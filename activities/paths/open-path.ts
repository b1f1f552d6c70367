import type { Destination } from '../../src/connectors/contract/destination.ts';
import type { Store } from '../../src/store/store.ts';
import type { Ends } from '../session/ends.ts';
import { jobsPath } from './jobs/jobs-path.ts';
import { sealedRecords } from './keyed/sealed-records.ts';
import { syncBooks } from './keyed/sync-books.ts';
import type { Path } from './path.ts';
import { recordsPath } from './records/records-path.ts';
import { StagedPath } from './staged/staged-path.ts';

/** Returns the path of a sync's run, by the kind of its destination. */
export function openPath(store: Store, ends: Ends, destination: Destination): Path {
  if (destination.kind === 'staging') return new StagedPath(store, ends, destination);
  const books = syncBooks(store, ends, destination);
  const records = sealedRecords(store);
  return destination.kind === 'records'
    ? recordsPath({ store, ends, destination, books, records })
    : jobsPath({ store, ends, destination, books, records });
}
