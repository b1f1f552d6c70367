import { ConfigError } from '../model/failure.ts';

/**
 * The 32 bytes of a key written as 64 hexadecimal digits or as base64.
 * @throws ConfigError `bad_encryption_key`, naming `origin` and never the key
 */
export function parseEncryptionKey(value: string, origin: string): Buffer {
  const trimmed = value.trim();
  const bytes = /^[0-9a-f]{64}$/i.test(trimmed)
    ? Buffer.from(trimmed, 'hex')
    : Buffer.from(trimmed, 'base64');
  if (bytes.length !== 32) {
    throw new ConfigError(
      'bad_encryption_key',
      `${origin} must hold 32 bytes, as 64 hexadecimal digits or base64 (openssl rand -base64 32).`,
    );
  }
  return bytes;
}
