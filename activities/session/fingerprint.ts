import { createHash } from 'node:crypto';
import { watermarkOf, type SyncSpec } from '../../src/model/sync.ts';

/** Changes when anything changes that decides what a record becomes; a watermark belongs to one fingerprint. */
export function fingerprint(spec: SyncSpec): string {
  const { destination, fields, where, match, mode } = spec;
  // Reading again what was read does not change what a record becomes: the lag is left out.
  const source = { ...spec.source, watermark: watermarkOf(spec.source)?.field };
  const text = JSON.stringify([source, destination, fields ?? null, where ?? null, match, mode]);
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
