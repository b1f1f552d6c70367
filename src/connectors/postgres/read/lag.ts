import { milliseconds } from '../../../model/duration.ts';
import { ConfigError } from '../../../model/failure.ts';
import type { Column } from '../catalog/catalog.ts';

const times = /^(timestamp with(out)? time zone|date)$/;
const numbers = /^(smallint|integer|bigint|numeric|real|double precision)$/;

/**
 * Returns a watermark's lag as SQL that can be subtracted from the watermark; undefined without a lag.
 * @throws ConfigError `invalid_lag` when the lag does not fit the field's type
 */
export function lagOf(
  watermark: Column,
  lag: string | number | undefined,
  connection: string,
): string | undefined {
  if (lag === undefined) return undefined;
  if (typeof lag === 'number' && numbers.test(watermark.base)) return String(lag);
  if (typeof lag === 'string' && times.test(watermark.base))
    return `interval '${milliseconds(lag)} milliseconds'`;
  const wanted = times.test(watermark.base)
    ? 'a duration such as 5m'
    : numbers.test(watermark.base)
      ? 'a number'
      : 'no lag';
  throw new ConfigError(
    'invalid_lag',
    `${connection}: the watermark "${watermark.name}" is of type ${watermark.native} and takes ${wanted}`,
    { connection },
  );
}
