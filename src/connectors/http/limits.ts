import type { LimitInfo } from '../throttle.ts';

const day = 86_400_000;
/** Numbers above this are epoch seconds, below it seconds from now. */
const epochFrom = 1_000_000_000;

/**
 * What an answer's status and headers say about the quota: `Retry-After`, `RateLimit`,
 * `RateLimit-Remaining/-Reset` and `X-RateLimit-Remaining/-Reset`. Waits are 0 to 24 hours.
 */
export function limitsOf(status: number, headers: Headers, now: number): LimitInfo {
  const combined = headers.get('ratelimit') ?? '';
  const retryAfterMs = retryAfter(headers.get('retry-after'), now);
  const remaining = count(
    parameter(combined, ['remaining', 'r']) ??
      headers.get('ratelimit-remaining') ??
      headers.get('x-ratelimit-remaining'),
  );
  const resetMs = reset(
    parameter(combined, ['reset', 't']) ??
      headers.get('ratelimit-reset') ??
      headers.get('x-ratelimit-reset'),
    now,
  );
  const refused =
    status === 429 || (status === 403 && (retryAfterMs !== undefined || remaining === 0));
  const wait = retryAfterMs ?? (refused ? resetMs : undefined);
  return {
    ...(refused && { limited: true }),
    ...(wait !== undefined && { retryAfterMs: wait }),
    ...(remaining !== undefined && { remaining }),
    ...(resetMs !== undefined && { resetMs }),
  };
}

function retryAfter(value: string | null, now: number): number | undefined {
  if (value === null) return undefined;
  const trimmed = value.trim();
  if (/^\d+(\.\d+)?$/.test(trimmed)) return clamp(Number(trimmed) * 1000);
  // An HTTP date has letters; Date.parse alone would take "-5" for a year.
  const date = /[a-z]/i.test(trimmed) ? Date.parse(trimmed) : Number.NaN;
  return Number.isNaN(date) ? undefined : clamp(date - now);
}

function reset(value: string | null | undefined, now: number): number | undefined {
  const seconds = count(value);
  if (seconds === undefined) return undefined;
  return clamp(seconds > epochFrom ? seconds * 1000 - now : seconds * 1000);
}

function count(value: string | null | undefined): number | undefined {
  const trimmed = value?.trim() ?? '';
  return /^\d+(\.\d+)?$/.test(trimmed) ? Number(trimmed) : undefined;
}

function parameter(header: string, names: readonly string[]): string | undefined {
  for (const name of names) {
    const found = new RegExp(`(?:^|[;,\\s])${name}\\s*=\\s*(\\d+(?:\\.\\d+)?)`, 'i').exec(header);
    if (found) return found[1];
  }
  return undefined;
}

function clamp(ms: number): number {
  return Math.min(Math.max(0, Math.ceil(ms)), day);
}
