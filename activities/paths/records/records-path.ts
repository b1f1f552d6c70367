import type { RecordDestination } from '../../../src/connectors/contract/records.ts';
import { chunkSize } from '../../../src/engine/run/chunk-size.ts';
import { largestRecord } from '../../../src/model/too-large.ts';
import { exportOperations } from '../../export/export-operations.ts';
import type { ChunkLimit } from '../path.ts';
import { KeyedPath } from '../keyed/keyed-path.ts';
import type { KeyedWork } from '../keyed/keyed-work.ts';

/** The bytes of a chunk that is held in memory on its way to an API. `chunkSize` says how many records it has. */
const recordLimit = { bytes: 8 << 20, record: largestRecord };

/** Returns the path to a destination that takes records one by one or in batches. */
export function recordsPath(work: KeyedWork<RecordDestination>): KeyedPath {
  return new KeyedPath(work, {
    kind: 'records',
    startsOver: work.destination.allAtOnce === true,
    limit: () => limitOf(work),
    write: ({ run, chunk, token, attempt, signal }, operations) =>
      exportOperations(work, { run, no: chunk, token }, operations, { attempt, signal }),
  });
}

async function limitOf({ store, ends, destination }: KeyedWork): Promise<ChunkLimit> {
  const { batch, lookup, lookupBatch } = destination;
  const perCall = Math.min(
    batch.create,
    batch.update,
    lookup === undefined ? Infinity : lookupBatch,
  );
  return { ...recordLimit, records: chunkSize(await store.chunks.speeds(ends.run), perCall) };
}
