import type { ChunkSpeed } from '../../model/chunk-speed.ts';

/**
 * The time that one step of a chunk should take, in milliseconds. It is twice the time of its calls alone, since two
 * exports overlap.
 */
const wantedMs = 30_000;
/**
 * The limits of a chunk for a destination of which nothing is known yet: it makes at most so many calls and has at most
 * so many records.
 */
const firstChunk = { calls: 250, records: 5_000 };
/** The most records of a chunk: matching more would hold up the calls of others for too long. */
const mostRecords = 20_000;
/** The factor by which a chunk may outgrow the largest of the latest ones, which may have been fast by chance. */
const growth = 8;

/**
 * Returns how many records the next chunk of a destination should have, by the speed of the latest chunks.
 * @param latest empty when nothing is known
 * @param perCall the most records that the destination takes in one call
 */
export function chunkSize(latest: readonly ChunkSpeed[], perCall: number): number {
  const least = Math.min(firstChunk.records, firstChunk.calls * perCall);
  if (latest.length === 0) return least;
  const records = latest.reduce((sum, chunk) => sum + chunk.records, 0);
  const ms = latest.reduce((sum, chunk) => sum + chunk.ms, 0);
  const largest = Math.max(...latest.map((chunk) => chunk.records));
  const wanted = Math.min((records / Math.max(1, ms)) * wantedMs, largest * growth, mostRecords);
  // Round down to whole calls: a call that is not full uses as much of a quota as a full one.
  return Math.max(least, Math.floor(wanted / perCall) * perCall);
}
