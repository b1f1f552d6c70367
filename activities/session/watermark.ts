import { createHash } from 'node:crypto';
import { watermarkOf, type SyncSpec } from '../../src/model/sync.ts';
import type { Calls } from '../../src/connectors/contract/calls.ts';
import type { Settled, Source } from '../../src/connectors/contract/source.ts';

/** Changes when anything changes that decides what a record becomes; a watermark belongs to one fingerprint. */
export function watermarkFingerprint(spec: SyncSpec): string {
  const { destination, fields, where, match, mode } = spec;
  // Reading again what was read does not change what a record becomes: the lag is left out.
  const source = { ...spec.source, watermark: watermarkOf(spec.source)?.field };
  const text = JSON.stringify([source, destination, fields ?? null, where ?? null, match, mode]);
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** Asks how far a read up to the watermark `until` leaves nothing behind. */
export async function settledUpTo(
  source: Source,
  until: string | null,
  calls: Calls,
): Promise<Settled> {
  if (until === null || source.settled === undefined) return { watermark: until, ahead: false };
  return source.settled(until, calls);
}
