import { randomInt } from 'node:crypto';

/** The seed of every sweep of this process; `SLUICE_SOAK_SEED` repeats a run. */
export const seed: number = Number(process.env['SLUICE_SOAK_SEED'] ?? randomInt(2 ** 31));
const scale = Number(process.env['SLUICE_SOAK_SCALE'] ?? 1);

console.log(`SLUICE_SOAK_SEED=${seed} SLUICE_SOAK_SCALE=${scale}`);

/** Returns the number of rounds of a sweep: `count` times `SLUICE_SOAK_SCALE`, at least one. */
export function rounds(count: number): number {
  return Math.max(1, Math.round(count * scale));
}

const points = new RegExp(process.env['SLUICE_SOAK_POINTS'] ?? '');

/** True when a sweep over fault points covers this one: all, or those that match `SLUICE_SOAK_POINTS`. */
export function isSwept({ point }: { point: string }): boolean {
  return points.test(point);
}

/** Random numbers that a seed repeats. */
export interface Chance {
  /** Returns a number from 0 up to and without 1. */
  next(): number;
  /** Returns a whole number from `from` up to and without `to`. */
  between(from: number, to: number): number;
  pick<T>(items: readonly T[]): T;
}

/** Returns random numbers of their own for each name, so that one sweep does not shift those of another. */
export function chance(name: string, base: number = seed): Chance {
  let state = base >>> 0;
  for (const letter of name) state = Math.imul(state ^ (letter.codePointAt(0) ?? 0), 0x01000193);
  // mulberry32
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (from: number, to: number): number => from + Math.floor(next() * (to - from));
  return {
    next,
    between,
    pick: (items) => {
      const item = items[between(0, items.length)];
      if (item === undefined) throw new Error('nothing to pick from');
      return item;
    },
  };
}

/**
 * Works through a list with `lanes` workers at once. `open` gives each worker its tools, and new ones after a failure.
 * @throws AggregateError of all failures once everything was tried
 */
export async function inLanes<T>(
  items: readonly T[],
  lanes: number,
  open: () => Promise<{ work(item: T): Promise<void>; close(): Promise<void> }>,
): Promise<void> {
  const left = [...items];
  const failures: unknown[] = [];
  const lane = async (): Promise<void> => {
    while (left.length > 0) {
      const { work, close } = await open();
      try {
        for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
      } catch (error) {
        console.error(error);
        failures.push(error);
      } finally {
        await close();
      }
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  const causes = failures.map((failure) => (failure as Error).message).join('; ');
  if (failures.length > 0) throw new AggregateError(failures, causes);
}
