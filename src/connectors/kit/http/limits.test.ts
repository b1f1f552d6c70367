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
  [429, { 'retry-after': '86400' }, { limited: true, retryAfterMs: day }],
  [429, { 'retry-after': '1000000000000' }, { limited: true }],
  [429, { 'retry-after': 'Fri, 01 Jan 2100 00:00:00 GMT' }, { limited: true }],
  [429, { 'retry-after': '1e3' }, { limited: true }],
  [429, { 'retry-after': '' }, { limited: true }],
  [200, { 'retry-after': '5' }, {}],
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
  [200, { ratelimit: '"hour";r=90;t=3600, "minute";r=1;t=30' }, { remaining: 1, resetMs: 30_000 }],
  [200, { ratelimit: '"hour";r=0;t=900, "minute";r=0;t=30' }, { remaining: 0, resetMs: 900_000 }],
  [
    200,
    { 'ratelimit-policy': '"default";q=100;w=10', ratelimit: '"default";r=50;t=5' },
    { remaining: 50, resetMs: 5000, policy: { requests: 100, perMs: 10_000 } },
  ],
  [200, { 'ratelimit-policy': '10;w=1, 50;w=60' }, { policy: { requests: 50, perMs: 60_000 } }],
  [
    200,
    { 'x-ratelimit-remaining': '3', 'x-ratelimit-reset': String(now / 1000 + 3) },
    { remaining: 3, resetMs: 3000 },
  ],
  [
    200,
    { 'x-ratelimit-remaining': '3', 'x-ratelimit-reset': String(now + 2500) },
    { remaining: 3, resetMs: 2500 },
  ],
  [200, { 'x-ratelimit-remaining': '-3', 'x-ratelimit-reset': 'never' }, {}],
  [503, { 'retry-after': '2' }, { limited: true, retryAfterMs: 2000 }],
  [503, {}, {}],
])('%i with %j', (status, headers, limits) => {
  expect(limitsOf(status, new Headers(headers as Record<string, string>), now)).toEqual(limits);
});
