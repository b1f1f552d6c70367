import { createHash } from 'node:crypto';
import { compareTimes, sourceTime } from '../../src/engine/entity/source-time.ts';
import type { RunWarning } from '../../src/model/run.ts';
import { watermarkOf, type SyncSpec } from '../../src/model/sync.ts';
import type { Calls } from '../../src/connectors/contract/calls.ts';
import type { Settled, Source } from '../../src/connectors/contract/source.ts';

/**
 * Returns a hash of everything in a sync's declaration that decides what a record becomes. A watermark is kept with
 * this fingerprint: when the declaration changes, the sync reads everything again.
 */
export function watermarkFingerprint(spec: SyncSpec): string {
  const { destination, fields, where, match, mode } = spec;
  // The lag is left out: reading some records again does not change what they become.
  const source = { ...spec.source, watermark: watermarkOf(spec.source)?.field };
  const text = JSON.stringify([source, destination, fields ?? null, where ?? null, match, mode]);
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/**
 * True when the highest watermark of a source is below the one that was reached: the source has moved back, as after a
 * restore from a backup. Unknown watermarks are not behind.
 */
export function isBehind(highest: string | null, reached: string | null): boolean {
  if (highest === null || reached === null) return false;
  return compareTimes(sourceTime(highest), sourceTime(reached)) < 0;
}

/** Says that a source has moved back, and what to do. @param source its name, for people */
export function movedBack(source: string): RunWarning {
  const message = `the highest watermark of ${source} is below the one that was reached: it may have been restored from a backup, and changes may be missed; a full run takes what it says now`;
  return { code: 'source_moved_back', message };
}

/**
 * Asks the source up to which watermark, `until` at most, no further record can appear. The sync's next run begins
 * there.
 */
export async function settledUpTo(
  source: Source,
  until: string | null,
  calls: Calls,
): Promise<Settled> {
  if (until === null || source.settled === undefined) return { watermark: until, ahead: false };
  return source.settled(until, calls);
}
