import { settledOf } from '../session/settled-of.ts';
import type { Position } from '../../src/store/entities/positions.ts';
import type { Store } from '../../src/store/store.ts';
import { fencingToken } from '../host/step-of.ts';
import type { OpenSource } from './entity.ts';

/** Chunk numbers of a cycle: each reading of a source has a range of its own, whose first number keeps its pass. */
const rangeSize = 1_000_000;
/** The chunks of the merge. */
export const mergeRange = { first: 2_000_000_000, last: 2_100_000_000 };

/** A range of chunk numbers. */
export interface ChunkRange {
  readonly first: number;
  readonly last: number;
}

/** The chunks of one reading of a source. */
export function rangeOf(source: number, reading: 'changes' | 'tombstones' | 'ids'): ChunkRange {
  const no = source * 3 + { changes: 0, tombstones: 1, ids: 2 }[reading];
  return { first: no * rangeSize, last: (no + 1) * rangeSize - 1 };
}

/**
 * Settles from where to where a cycle reads a source, once: what a pass began with holds until it ends.
 * @param before where the last cycle left off; null: read everything
 */
export async function settlePass(
  { chunks }: Store,
  run: string,
  { first }: ChunkRange,
  open: OpenSource,
  before: Position | null,
): Promise<void> {
  if ((await passOf({ chunks }, run, first)) !== null) return;
  const token = fencingToken();
  await chunks.claim(run, first, token);
  const pass = before !== null && before.cursor !== null ? before : await newPass(open, before);
  await chunks.commit(run, first, token, {
    state: 'matched',
    cursor: { value: JSON.stringify(pass), last: false },
  });
}

async function newPass({ source, calls }: OpenSource, before: Position | null): Promise<Position> {
  const until = (await source.highWatermark?.(calls)) ?? null;
  const { watermark: settled } = await settledOf(source, until, calls);
  const { scannedAt } = before ?? {};
  return {
    since: before?.settled ?? null,
    until,
    settled,
    cursor: null,
    ...(scannedAt !== undefined && { scannedAt }),
  };
}

/** The pass that a cycle settled; null where it has not yet. */
export async function passOf(
  { chunks }: Pick<Store, 'chunks'>,
  run: string,
  first: number,
): Promise<Position | null> {
  const chunk = await chunks.get(run, first);
  return chunk?.cursor == null ? null : (JSON.parse(chunk.cursor) as Position);
}

/** Where a pass stands after what the cycle has read of it, and whether it has been read to its end. */
export async function passAfter(
  store: Pick<Store, 'chunks'>,
  run: string,
  { first, last }: ChunkRange,
): Promise<{ position: Position; done: boolean } | null> {
  const pass = await passOf(store, run, first);
  if (pass === null) return null;
  const read = await store.chunks.lastExported(run, first + 1, last);
  if (read === null) return { position: pass, done: false };
  if (!read.last) return { position: { ...pass, cursor: read.cursor }, done: false };
  // A source that cannot tell its highest watermark beforehand has told it by the end.
  const settled = pass.settled ?? (await store.chunks.highestIn(run, first, last)) ?? pass.since;
  return { position: { ...pass, settled, cursor: null }, done: true };
}
