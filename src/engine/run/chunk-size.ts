import type { Pace } from '../../model/pace.ts';

/** How long a step of a chunk should take: twice that of its own calls, since two exports overlap. Milliseconds. */
const wantedMs = 30_000;
/** A chunk of a destination that nothing is known of makes so many calls, and has no more records than that. */
const first = { calls: 250, records: 5_000 };
/** The most records of a chunk: matching them must not hold up the calls of others for long. */
const mostRecords = 20_000;
/** How much larger a chunk may be than the largest of the latest: they may have been fast by chance. */
const growth = 8;

/**
 * How many records the next chunk of a destination should have, by how the latest ones fared.
 * @param latest none: nothing is known
 * @param perCall most records that the destination takes in a call
 */
export function chunkSize(latest: readonly Pace[], perCall: number): number {
  const least = Math.min(first.records, first.calls * perCall);
  if (latest.length === 0) return least;
  const records = latest.reduce((sum, pace) => sum + pace.records, 0);
  const ms = latest.reduce((sum, pace) => sum + pace.ms, 0);
  const largest = Math.max(...latest.map((pace) => pace.records));
  const wanted = Math.min((records / Math.max(1, ms)) * wantedMs, largest * growth, mostRecords);
  // Whole calls: a call that is not full uses as much of a quota as one that is.
  return Math.max(least, Math.floor(wanted / perCall) * perCall);
}
