import { expect, it } from 'vitest';
import { limitsOf } from './limits.ts';

const now = Date.UTC(2026, 0, 1);
const day = 86_400_000;

it.each([
  [429, { 'retry-after': '7' }, { limited: true, retryAfterMs: 7000 }],
  [
    429,
    { 'retry-after': new Date(now + 9000).toUTCString() },
    { limited: true, retryAfterMs: 9000 },
  ],
  [429, { 'retry-after': '99999999' }, { limited: true, retryAfterMs: day }],
  [429, { 'retry-after': '-5' }, { limited: true }],
  [429, { 'retry-after': 'soon' }, { limited: true }],
  [429, { 'retry-after': 'Thu, 01 Jan 1970 00:00:00 GMT' }, { limited: true, retryAfterMs: 0 }],
  [
    429,
    { 'x-ratelimit-reset': String(now / 1000 + 3) },
    { limited: true, retryAfterMs: 3000, resetMs: 3000 },
  ],
  [
    403,
    { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '4' },
    { limited: true, retryAfterMs: 4000, remaining: 0, resetMs: 4000 },
  ],
  [403, {}, {}],
  [200, { 'ratelimit-remaining': '0', 'ratelimit-reset': '2' }, { remaining: 0, resetMs: 2000 }],
  [200, { ratelimit: '"default";r=5;t=30' }, { remaining: 5, resetMs: 30_000 }],
  [200, { ratelimit: 'limit=10, remaining=4, reset=6' }, { remaining: 4, resetMs: 6000 }],
  [503, { 'retry-after': '2' }, { retryAfterMs: 2000 }],
])('%i with %j', (status, headers, limits) => {
  expect(limitsOf(status, new Headers(headers as Record<string, string>), now)).toEqual(limits);
});
