import type { StagingDestination } from '../src/connectors/destination.ts';
import { faultPoint } from '../src/model/fault-point.ts';
import { finalToken } from '../src/store/chunks.ts';
import { layoutOf, type Dependencies, type Session } from './session.ts';
import { withFiltered } from './with-filtered.ts';

/** Writes the records that had to wait for the rest of the run, and corrects what their chunks count (R5). */
export async function exportLate(
  { chunks }: Dependencies['store'],
  session: Session,
  destination: StagingDestination,
  signal: AbortSignal,
): Promise<void> {
  const { run, plan } = session;
  if (plan.options.dryRun === true) return;
  const corrected = await destination.applyLate(run, layoutOf(session), signal);
  faultPoint('close.after-late');
  for (const [no, { stats, errors }] of corrected) {
    const before = await chunks.get(run, no);
    if (before === null) throw new Error(`chunk ${no} does not exist`);
    // The run is over: whatever attempt made the chunk, none may change it but the one that closes it.
    await chunks.claim(run, no, finalToken);
    const whole = withFiltered(stats, before.stats);
    await chunks.commit(run, no, finalToken, { state: 'exported', stats: whole, errors });
  }
}
