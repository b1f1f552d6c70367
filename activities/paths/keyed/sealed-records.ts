import type { Page } from '../../../src/connectors/contract/page.ts';
import { batchesCodec } from '../../../src/engine/run/chunk-codec.ts';
import { faultPoint } from '../../../src/model/fault-point.ts';
import { noStats } from '../../../src/model/outcome.ts';
import type { RecordBatch } from '../../../src/model/record.ts';
import type { ChunkCommit, Chunks } from '../../../src/store/runs/chunks.ts';
import type { Store } from '../../../src/store/store.ts';
import type { ChunkLimit, Staged, Step } from '../path.ts';
import { inTurns } from '../../host/in-turns.ts';
import type { ChunkRecords } from './chunk-records.ts';
import { cutChunks } from './cut-chunks.ts';

/** Keeps the records of chunks sealed in the state database. A page is cut into chunks within the limit. */
export function sealedRecords({ chunks, staged }: Pick<Store, 'chunks' | 'staged'>): ChunkRecords {
  return {
    stage: (step, page, limit) => stageRecords(chunks, step, page, limit),
    async read({ run, chunk }) {
      const text = await staged.get(run, chunk, 'records');
      if (text === null) throw new Error(`chunk ${chunk} is not staged`);
      return inTurns(batchesCodec.decode(text));
    },
  };
}

async function stageRecords(
  chunks: Chunks,
  { run, chunk: first, token }: Step,
  page: Page,
  limit: ChunkLimit,
): Promise<Staged> {
  let chunk = first;
  const put = async (held: RecordBatch[], cursor?: ChunkCommit['cursor']): Promise<void> => {
    faultPoint('import.before-stage');
    await chunks.claim(run, chunk, token);
    await chunks.commit(run, chunk, token, {
      state: 'staged',
      stats: { ...noStats, imported: held.reduce((sum, { rows }) => sum + rows.length, 0) },
      stage: { records: await inTurns(batchesCodec.encode(held)) },
      ...(cursor !== undefined && { cursor }),
    });
    faultPoint('import.after-commit');
    chunk += 1;
  };
  // A source's page may be a little larger than the limit. The surplus is not worth a chunk of its own.
  const roomy = { ...limit, records: Math.ceil(limit.records * 1.25) };
  // The last chunk waits for the cursor, which is known once the page is read.
  let last: RecordBatch[] | undefined;
  for await (const held of cutChunks(page.batches(), roomy)) {
    if (last !== undefined) await put(last);
    last = held;
  }
  const { cursor, records, highest = null } = page.end();
  await put(last ?? [], { value: cursor, last: cursor === null, highest });
  return { chunks: chunk - first, records, done: cursor === null };
}
