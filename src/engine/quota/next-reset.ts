import { ConfigError } from '../../model/failure.ts';
import type { Reset } from '../../model/quota.ts';
import { isTimezone } from '../../model/timezone.ts';

const minuteMs = 60_000;
const dayMs = 86_400_000;

/** Formatters by time zone: to make one takes far longer than to use it. */
const formatters = new Map<string, Intl.DateTimeFormat>();

/**
 * The first time after `now` at which a day's quota starts afresh. Milliseconds since the epoch.
 * @throws ConfigError `unknown_timezone`
 */
export function nextReset({ timezone, at = '00:00' }: Reset, now: number): number {
  const [hours = 0, minutes = 0] = at.split(':').map(Number);
  const today = Math.floor(wallClock(timezone, now) / dayMs) * dayMs;
  const resets = [0, 1, 2].map((days) =>
    instantOf(timezone, today + days * dayMs + hours * 60 * minuteMs + minutes * minuteMs),
  );
  return resets.find((reset) => reset > now) ?? now + dayMs;
}

/** The reading of a clock in the zone at an instant, as milliseconds, as if it showed UTC. */
function wallClock(timezone: string, instant: number): number {
  const parts = formatterOf(timezone).formatToParts(instant);
  const part = (type: Intl.DateTimeFormatPartTypes) =>
    Number(parts.find((each) => each.type === type)?.value ?? 0);
  return Date.UTC(
    part('year'),
    part('month') - 1,
    part('day'),
    part('hour'),
    part('minute'),
    part('second'),
  );
}

/** The instant at which clocks in the zone show `wall`, the first of two; where they skip it, one within the hour after. */
function instantOf(timezone: string, wall: number): number {
  const offsetAt = (instant: number) => wallClock(timezone, instant) - instant;
  // The offset of the day before and that of the day after differ where the clocks change in between.
  const candidates = [wall - offsetAt(wall - dayMs), wall - offsetAt(wall + dayMs)];
  const exact = candidates.filter((instant) => wallClock(timezone, instant) === wall);
  return exact.length > 0 ? Math.min(...exact) : Math.max(...candidates);
}

function formatterOf(timezone: string): Intl.DateTimeFormat {
  const known = formatters.get(timezone);
  if (known !== undefined) return known;
  if (!isTimezone(timezone))
    throw new ConfigError(
      'unknown_timezone',
      `the quota resets in the time zone ${timezone}, which is unknown: use a name such as America/Chicago`,
    );
  const made = new Intl.DateTimeFormat('en-US', {
    timeZone: timezone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  formatters.set(timezone, made);
  return made;
}
