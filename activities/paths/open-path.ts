import type { Destination } from '../../src/connectors/contract/destination.ts';
import type { JobDestination } from '../../src/connectors/contract/jobs.ts';
import type { RecordDestination } from '../../src/connectors/contract/records.ts';
import type { Store } from '../../src/store/store.ts';
import type { Ends } from '../session/ends.ts';
import { jobsPath } from './jobs/jobs-path.ts';
import { sealedRecords } from './keyed/sealed-records.ts';
import { syncBooks } from './keyed/sync-books.ts';
import type { KeyedWork } from './keyed/keyed-work.ts';
import type { Path } from './path.ts';
import { recordsPath } from './records/records-path.ts';
import { StagedPath } from './staged/staged-path.ts';

/** Returns the path of a sync's run, by the kind of its destination. */
export function openPath(store: Store, ends: Ends, destination: Destination): Path {
  if (destination.kind === 'staging') return new StagedPath(store, ends, destination);
  const books = syncBooks(store, ends, destination);
  return openKeyedPath({ store, ends, destination, books, records: sealedRecords(store) });
}

/** The path to a destination whose records are looked up by key, by its kind. */
export function openKeyedPath({
  destination,
  ...work
}: KeyedWork<RecordDestination | JobDestination>): Path {
  return destination.kind === 'records'
    ? recordsPath({ ...work, destination })
    : jobsPath({ ...work, destination });
}
