import type { Settled, Source } from '../../src/connectors/contract/source.ts';

/** How far a read up to the watermark `until` leaves nothing behind. */
export async function settledOf(source: Source, until: string | null): Promise<Settled> {
  if (until === null || source.settled === undefined) return { watermark: until, ahead: false };
  return source.settled(until);
}
