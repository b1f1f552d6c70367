import { expect, it } from 'vitest';
import { bucketOf, quotaSchema } from './quota-settings.ts';

const hourMs = 3_600_000;
const dayMs = 86_400_000;

it.each([
  [{}, {}],
  [
    { requests: 100, per: '20s', concurrency: 10 },
    { requests: 100, perMs: 20_000, concurrency: 10 },
  ],
  [
    { long: { day: { requests: 50_000 } } },
    { long: { day: { requests: 50_000, perMs: dayMs, keep: 0 } } },
  ],
  [
    {
      long: {
        day: { requests: 50_000, resets: { timezone: 'America/Chicago' } },
        hour: { requests: 4_000, per: '1h', keep: 0.2 },
      },
    },
    {
      long: {
        day: {
          requests: 50_000,
          perMs: dayMs,
          keep: 0,
          resets: { timezone: 'America/Chicago', at: '00:00' },
        },
        hour: { requests: 4_000, perMs: hourMs, keep: 0.2 },
      },
    },
  ],
])('%j', (settings, bucket) => {
  expect(bucketOf(quotaSchema.parse(settings))).toEqual(bucket);
});

it.each([
  [{ requests: 5, per: '1m' }, 'longer than a minute'],
  [{ requests: 5, per: '1h', resets: { timezone: 'UTC' } }, "a day's quota"],
  [{ requests: 5, resets: { timezone: 'Central' } }, 'IANA'],
  [{ requests: 5, resets: { timezone: 'UTC', at: '24:00' } }, 'such as 00:00'],
  [{ requests: 5, keep: 1 }, 'less than 1|<1'],
  [{ requests: 0 }, '>=1'],
])('%j is refused: %s', (day, why) => {
  const { error } = quotaSchema.safeParse({ long: { day } });
  expect(error?.message).toMatch(new RegExp(why));
});
