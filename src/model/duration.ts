import { z } from 'zod';

const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** A schema for a positive length of time such as `250ms`, `90s`, `15m`, `6h`, `1d` or `2w`. */
export const durationSchema = z
  .string()
  .regex(/^\d+(\.\d+)?(ms|s|m|h|d|w)$/, 'must be a duration such as 30s, 15m, 6h or 1d');

/** Returns the milliseconds of a duration that `durationSchema` has accepted. */
export function milliseconds(duration: string): number {
  const [, amount, unit] = /^([\d.]+)([a-z]+)$/.exec(duration) ?? [];
  return Number(amount) * (unitMs[unit ?? ''] ?? Number.NaN);
}
