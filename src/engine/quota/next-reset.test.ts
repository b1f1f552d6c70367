import { expect, it } from 'vitest';
import type { Reset } from '../../model/quota.ts';
import { nextReset } from './next-reset.ts';

const chicago: Reset = { timezone: 'America/Chicago' };

it.each<[string, Reset, string]>([
  ['2026-01-15T05:59:59Z', chicago, '2026-01-15T06:00:00Z'],
  ['2026-01-15T06:00:00Z', chicago, '2026-01-16T06:00:00Z'],
  ['2026-07-15T12:00:00Z', chicago, '2026-07-16T05:00:00Z'],
  // The clocks change on these days: one has 23 hours, the other 25.
  ['2026-03-08T06:00:00Z', chicago, '2026-03-09T05:00:00Z'],
  ['2026-11-01T05:00:00Z', chicago, '2026-11-02T06:00:00Z'],
  ['2026-01-15T12:00:00Z', { timezone: 'Europe/Berlin', at: '13:30' }, '2026-01-15T12:30:00Z'],
  ['2026-01-15T12:30:00Z', { timezone: 'Europe/Berlin', at: '13:30' }, '2026-01-16T12:30:00Z'],
  ['2026-01-15T12:30:00Z', { timezone: 'Asia/Kolkata' }, '2026-01-15T18:30:00Z'],
  ['2026-12-31T23:30:00Z', { timezone: 'UTC' }, '2027-01-01T00:00:00Z'],
  // This midnight is skipped: the clocks go from 0:00 to 1:00.
  ['2024-04-25T12:00:00Z', { timezone: 'Africa/Cairo' }, '2024-04-25T22:00:00Z'],
])('after %s, in %j: %s', (now, reset, expected) => {
  expect(new Date(nextReset(reset, Date.parse(now))).toISOString()).toBe(
    new Date(expected).toISOString(),
  );
});
