import type { ChunkResult, StagingDestination } from '../../../src/connectors/contract/staging.ts';
import { faultPoint } from '../../../src/model/fault-point.ts';
import { finalToken, type Chunks } from '../../../src/store/runs/chunks.ts';
import type { Store } from '../../../src/store/store.ts';
import { layoutOf, type Session } from '../../session/session.ts';
import { withFiltered } from './with-filtered.ts';

/** Writes the records that had to wait for the rest of the run, and corrects what their chunks count (R5). */
export async function exportLate(
  { chunks }: Store,
  session: Session,
  destination: StagingDestination,
  signal: AbortSignal,
): Promise<void> {
  const { run, plan } = session;
  if (plan.options.dryRun === true) return;
  const corrected = await destination.applyLate(run, layoutOf(session), signal);
  faultPoint('close.after-late');
  for (const [no, result] of corrected) await commitCorrected(chunks, run, no, result);
}

/** Counts of an exported chunk what its destination says by now. The run is at its end: nobody else may change it. */
export async function commitCorrected(
  chunks: Chunks,
  run: string,
  no: number,
  { stats, errors }: ChunkResult,
): Promise<void> {
  const before = await chunks.get(run, no);
  if (before === null) throw new Error(`chunk ${no} does not exist`);
  await chunks.claim(run, no, finalToken);
  const whole = withFiltered(stats, before.stats);
  await chunks.commit(run, no, finalToken, { state: 'exported', stats: whole, errors });
}
