import type { PageRequest } from '../../src/connectors/contract/page.ts';
import { faultPoint } from '../../src/model/fault-point.ts';
import { noStats } from '../../src/model/outcome.ts';
import type { RecordBatch } from '../../src/model/record.ts';
import { largestRecord } from '../../src/model/too-large.ts';
import type { Chunks } from '../../src/store/runs/chunks.ts';
import type { ChunkRecords } from '../paths/keyed/chunk-records.ts';
import { withoutLargeRecords } from '../paths/keyed/cut-chunks.ts';
import { startOf, type Ends } from '../ends/ends.ts';

/** The parts of a run's ends that are needed to read its pages again. */
type Reading = Pick<Ends, 'source' | 'callSource'> & {
  readonly plan: Pick<Ends['plan'], 'since' | 'until' | 'start'>;
  readonly mapping: Pick<Ends['mapping'], 'needed'>;
};

const everything: PageRequest['limit'] = { records: Infinity, bytes: Infinity };

/**
 * Keeps only the two ends of a chunk of an entity's change log, because the log itself is durable. The values are read
 * when the chunk is matched. A record that changes between import and match moves on in the log, and belongs to the
 * next run.
 */
export function loggedRecords(chunks: Chunks, ends: Reading, startsOver: boolean): ChunkRecords {
  return {
    async stage({ run, chunk, token }, page) {
      const { cursor, records } = page.end();
      faultPoint('import.before-stage');
      await chunks.claim(run, chunk, token);
      await chunks.commit(run, chunk, token, {
        state: 'staged',
        stats: { ...noStats, imported: records },
        cursor: { value: cursor, last: cursor === null },
      });
      faultPoint('import.after-commit');
      return { chunks: 1, records, done: cursor === null };
    },
    async read({ run, chunk, signal }) {
      const { source, plan, mapping, callSource } = ends;
      const before = chunk === 0 ? startOf(ends, startsOver) : await chunks.get(run, chunk - 1);
      const staged = await chunks.get(run, chunk);
      const page = await source.read(
        {
          cursor: before?.cursor ?? null,
          since: plan.since,
          until: staged?.cursor ?? plan.until,
          fields: mapping.needed,
          limit: everything,
        },
        callSource({ signal }),
      );
      const batches: RecordBatch[] = [];
      for await (const batch of page.batches())
        batches.push(withoutLargeRecords(batch, largestRecord));
      return batches;
    },
  };
}
