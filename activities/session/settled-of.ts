import type { Calls } from '../../src/connectors/contract/calls.ts';
import type { Settled, Source } from '../../src/connectors/contract/source.ts';

/** Asks how far a read up to the watermark `until` leaves nothing behind. */
export async function settledOf(
  source: Source,
  until: string | null,
  calls: Calls,
): Promise<Settled> {
  if (until === null || source.settled === undefined) return { watermark: until, ahead: false };
  return source.settled(until, calls);
}
