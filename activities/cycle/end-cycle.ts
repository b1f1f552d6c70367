import type { RunFailure } from '../../src/model/run.ts';
import type { Store } from '../../src/store/store.ts';

/** Ends a cycle that does not complete. From now on no attempt of it changes anything (R6). */
export async function endCycle(
  { runs, chunks, seenIds }: Store,
  run: string,
  end: { status: 'failed' | 'cancelled'; failure: RunFailure | null },
): Promise<void> {
  await runs.finish(run, { ...end, outcome: null, watermark: null });
  await chunks.seal(run);
  await seenIds.drop(run);
}
