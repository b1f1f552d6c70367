import type { Position } from '../../src/store/entities/positions.ts';
import type { SourceReading } from '../../src/store/runs/readings.ts';
import type { Store } from '../../src/store/store.ts';
import { isBehind, settledUpTo } from '../ends/watermark.ts';
import type { OpenSource } from './entity.ts';

/**
 * Settles where a cycle's read of a source begins and ends. It settles this once: a repeated attempt changes nothing. A
 * pass that an earlier cycle did not finish goes on with the same ends.
 * @param before the position that the last cycle left; null when there is none
 * @param full true to begin anew and read everything; of deleted records only when their stream has moved back, because what
 *   was deleted long ago may have been made again. Default false
 * @returns the pass
 */
export async function settlePass(
  { passes }: Store,
  run: string,
  reading: SourceReading,
  open: OpenSource,
  before: Position | null,
  full = false,
): Promise<Position> {
  const settled = await passOf({ passes }, run, reading);
  if (settled !== null) return settled;
  const isAnew = full && reading.reading === 'changes';
  const goesOn = before !== null && before.cursor !== null && !isAnew;
  const pass = goesOn ? before : await newPass(open, before, { isAnew, full });
  await passes.settle(run, reading, JSON.stringify(pass));
  return pass;
}

async function newPass(
  { source, calls }: OpenSource,
  before: Position | null,
  { isAnew, full }: { isAnew: boolean; full: boolean },
): Promise<Position> {
  const until = (await source.highWatermark?.(calls)) ?? null;
  const reached = before?.settled ?? null;
  const movedBack = isBehind(until, reached);
  const { watermark: settled } = await settledUpTo(source, until, calls);
  const { scannedAt, readOnce } = before ?? {};
  const readTo = (before?.unread === true ? before.readTo : before?.until) ?? null;
  const everything = isAnew || (full && movedBack);
  const restores = everything || (before?.unread === true && before.restores === true);
  return {
    since: everything ? null : reached,
    until,
    // Changes above the highest watermark of now may yet come again: only a full read begins below them.
    settled: movedBack && !everything ? reached : settled,
    ...(movedBack && { movedBack }),
    ...(restores && { restores }),
    ...(!restores && readTo !== null && { readTo }),
    cursor: null,
    ...(readOnce === true && { readOnce }),
    ...(scannedAt !== undefined && !everything && { scannedAt }),
  };
}

/** Returns the pass that a cycle has settled; null when it has not settled one yet. */
export async function passOf(
  { passes }: Pick<Store, 'passes'>,
  run: string,
  reading: SourceReading,
): Promise<Position | null> {
  const position = await passes.get(run, reading);
  return position === null ? null : (JSON.parse(position) as Position);
}

/**
 * Returns the position that a pass has reached with this cycle, and whether it is read to its end (`done`); null when the
 * cycle has settled none. The end of a pass that was only settled is no place reached (R3).
 */
export async function passAfter(
  store: Pick<Store, 'chunks' | 'passes'>,
  run: string,
  reading: SourceReading,
): Promise<{ position: Position; done: boolean } | null> {
  const pass = await passOf(store, run, reading);
  if (pass === null) return null;
  const chunks = store.chunks.of(reading);
  const read = await chunks.lastExported(run);
  if (read === null) return { position: pass.cursor === null ? unread(pass) : pass, done: false };
  if (!read.last) return { position: { ...pass, cursor: read.cursor }, done: false };
  // A source that cannot tell its highest watermark beforehand has shown it by the end of the pass.
  const settled = pass.settled ?? (await chunks.highest(run)) ?? pass.since;
  return { position: { ...pass, settled, cursor: null, readOnce: true }, done: true };
}

/**
 * Returns the position after a cycle that could read nothing of a new pass, because the system was down or being written to: the
 * next pass begins where this one did.
 */
function unread(pass: Position): Position {
  return { ...pass, settled: pass.since, unread: true };
}

/** Returns the name under which the position in a stream of deleted records is kept. No source can have such a name. */
export function tombstonesPositionName(source: string): string {
  return `${source}.deleted`;
}
