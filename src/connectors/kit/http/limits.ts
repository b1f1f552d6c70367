import type { LimitInfo } from '../../../model/quota.ts';
import type { Answer } from './call.ts';

/**
 * Reads what a vendor's answer says of its limits in ways of its own, such as a code in the body of a 200. Each property
 * that it returns stands in place of what the standard headers say; undefined: the headers alone count.
 *
 * ```ts
 * const limits: LimitsOf = ({ status, body }) =>
 *   status === 400 && at(body, 'error.code') === 17
 *     ? { limited: true, long: { hour: { remaining: 0 } } }
 *     : undefined;
 * ```
 */
export type LimitsOf = (answer: Answer) => LimitInfo | undefined;

/** No system is believed that asks for a longer wait. */
const longestMs = 86_400_000;
const minute = 60_000;
/** Numbers above these are times since the epoch, in seconds or milliseconds; below, seconds from now. */
const epoch = { seconds: 1_000_000_000, milliseconds: 100_000_000_000 };

/** The calls left of a window, and the time until it starts afresh. */
type Left = Pick<LimitInfo, 'remaining' | 'resetMs'>;

/**
 * Reads what an answer's status and headers say about the quota: `Retry-After` (seconds or a date), `RateLimit` and
 * `RateLimit-Policy` of the IETF's drafts, `RateLimit-Remaining/-Reset` and `X-RateLimit-Remaining/-Reset`. What is
 * malformed, negative, or longer than a day counts as not said.
 */
export function limitsOf(status: number, headers: Headers, now: number): Writable<LimitInfo> {
  const left = leftOf(headers, now);
  const policy = policyOf(headers.get('ratelimit-policy'));
  const asked = retryAfter(headers.get('retry-after'), now);
  const refused =
    status === 429 ||
    (status === 403 && (asked !== undefined || left.remaining === 0)) ||
    (status === 503 && asked !== undefined);
  const wait = refused ? (asked ?? left.resetMs) : undefined;
  return {
    ...(refused && { limited: true }),
    ...(wait !== undefined && { retryAfterMs: wait }),
    ...left,
    ...(policy !== undefined && { policy }),
  };
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

function leftOf(headers: Headers, now: number): Left {
  const combined = combinedLeft(headers.get('ratelimit') ?? '');
  if (combined !== undefined) return combined;
  const remaining = numberOf(
    headers.get('ratelimit-remaining') ?? headers.get('x-ratelimit-remaining'),
  );
  const reset = numberOf(headers.get('ratelimit-reset') ?? headers.get('x-ratelimit-reset'));
  const resetMs = reset === undefined ? undefined : believed(untilReset(reset, now));
  return {
    ...(remaining !== undefined && { remaining }),
    ...(resetMs !== undefined && { resetMs }),
  };
}

/** `"hour";r=50;t=30, "day";r=9;t=900`, or as older drafts had it `limit=100, remaining=50, reset=30`. */
function combinedLeft(header: string): Left | undefined {
  const lists = /(^|[;\s])r\s*=/i.test(header) ? header.split(',') : [header];
  const all = lists.flatMap((item) => {
    const remaining = parameter(item, ['remaining', 'r']);
    const seconds = parameter(item, ['reset', 't']);
    const resetMs = seconds === undefined ? undefined : believed(seconds * 1000);
    return remaining === undefined
      ? []
      : [{ remaining, ...(resetMs !== undefined && { resetMs }) }];
  });
  // If there are several windows, the one counts that holds up soonest.
  return all.toSorted((a, b) => pace(a) - pace(b))[0];
}

function pace({ remaining = 0, resetMs = 1 }: Left): number {
  return remaining === 0 ? -resetMs : remaining / Math.min(minute, Math.max(1, resetMs));
}

/** `"burst";q=100;w=60`, or as older drafts had it `100;w=60`; of several windows the slowest. */
function policyOf(header: string | null): LimitInfo['policy'] {
  const all = (header ?? '').split(',').flatMap((item) => {
    const requests = parameter(item, ['q']) ?? numberOf(/^\s*(\d+)\s*;/.exec(item)?.[1]);
    const seconds = parameter(item, ['w']);
    return requests && seconds ? [{ requests, perMs: seconds * 1000 }] : [];
  });
  return all.toSorted((a, b) => a.requests / a.perMs - b.requests / b.perMs)[0];
}

function retryAfter(value: string | null, now: number): number | undefined {
  const seconds = numberOf(value);
  if (seconds !== undefined) return believed(seconds * 1000);
  // An HTTP date has letters; Date.parse alone would take "-5" for a year.
  const date = value !== null && /[a-z]/i.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : believed(Math.max(0, date - now));
}

function untilReset(reset: number, now: number): number {
  if (reset > epoch.milliseconds) return Math.max(0, reset - now);
  return reset > epoch.seconds ? Math.max(0, reset * 1000 - now) : reset * 1000;
}

function numberOf(value: string | null | undefined): number | undefined {
  const trimmed = value?.trim() ?? '';
  return /^\d+(\.\d+)?$/.test(trimmed) ? Number(trimmed) : undefined;
}

function parameter(header: string, names: readonly string[]): number | undefined {
  for (const name of names) {
    const found = new RegExp(`(?:^|[;,\\s])${name}\\s*=\\s*(\\d+(?:\\.\\d+)?)`, 'i').exec(header);
    if (found) return Number(found[1]);
  }
  return undefined;
}

function believed(ms: number): number | undefined {
  return ms > longestMs ? undefined : Math.ceil(ms);
}
