import { z } from 'zod';
import { durationSchema, milliseconds } from '../../model/duration.ts';
import type { Bucket, LongWindow } from '../../model/quota.ts';
import { isTimezone } from '../../model/timezone.ts';

const minuteMs = 60_000;
const dayMs = 86_400_000;

const count = z.number().int().min(1);

const longSchema = z
  .strictObject({
    requests: count.describe('Calls allowed in all, to everybody who uses the account.'),
    per: durationSchema
      .refine(
        (per) => milliseconds(per) > minuteMs,
        'must be longer than a minute: else use requests and per',
      )
      .default('1d')
      .describe('Length of the window. Default 1d.'),
    resets: z
      .strictObject({
        timezone: z
          .string()
          .refine(isTimezone, 'must be an IANA name such as America/Chicago')
          .describe('An IANA time zone.'),
        at: z
          .string()
          .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time such as 00:00')
          .default('00:00')
          .describe('Hour and minute there. Default 00:00.'),
      })
      .optional()
      .describe("When a day's quota starts afresh. Default: it rolls."),
    keep: z
      .number()
      .min(0)
      .lt(1)
      .default(0)
      .describe('The share that is left to others who use the account, such as 0.2. Default 0.'),
  })
  .refine(
    ({ per, resets }) => resets === undefined || milliseconds(per) === dayMs,
    "resets belongs to a day's quota: leave per out",
  );

/** The setting `quota` of a connection: `{ requests: 100, per: 20s, concurrency: 10, long: { day: { requests: 50000 } } }`. */
export const quotaSchema = z.strictObject({
  requests: count.optional().describe('Calls allowed per window.'),
  per: durationSchema.default('1s').describe('Length of the window. Default 1s.'),
  concurrency: count.optional().describe('Most calls at once.'),
  long: z
    .record(z.string().min(1), longSchema)
    .optional()
    .describe(
      "Windows of more than a minute, by any name, such as a day's quota: counted, not spaced.",
    ),
});

/** The bucket that the setting declares. */
export function bucketOf({
  requests,
  per,
  concurrency,
  long,
}: z.infer<typeof quotaSchema>): Bucket {
  return {
    ...(requests !== undefined && { requests, perMs: milliseconds(per) }),
    ...(concurrency !== undefined && { concurrency }),
    ...(long !== undefined && { long: Object.fromEntries(Object.entries(long).map(windowOf)) }),
  };
}

function windowOf([name, { requests, per, resets, keep }]: [string, z.infer<typeof longSchema>]): [
  string,
  LongWindow,
] {
  return [name, { requests, perMs: milliseconds(per), keep, ...(resets && { resets }) }];
}
