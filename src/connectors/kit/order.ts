import { ConfigError } from '../../model/failure.ts';

/** Why a read without a watermark cannot come in its order. */
export const noWatermark = 'the read names no watermark';

/** The error of a source that cannot read in the order of the watermark. */
export function unsupportedOrder(stream: string, why: string, connection: string): ConfigError {
  const message = `${connection}: "${stream}" cannot be read in the order of its watermark: ${why}`;
  return new ConfigError('unsupported_order', message, { connection });
}
