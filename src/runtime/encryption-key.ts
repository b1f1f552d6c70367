import { ConfigError } from '../model/failure.ts';

/** Keys of 32 bytes each: the current one, then retired ones that may still be needed for reading. */
export type EncryptionKeys = readonly [Buffer, ...Buffer[]];

/**
 * Parses keys separated by commas or white space, each written as 64 hexadecimal digits or as base64.
 * @throws ConfigError `bad_encryption_key`, naming `origin` and never a key
 */
export function parseEncryptionKeys(value: string, origin: string): EncryptionKeys {
  const [current, ...retired] = value
    .split(/[\s,]+/)
    .filter((text) => text !== '')
    .map((text) => parseKey(text, origin));
  if (current === undefined) throw badKey(origin);
  return [current, ...retired];
}

/** Writes keys in the form that {@link parseEncryptionKeys} reads. */
export function formatEncryptionKeys(keys: EncryptionKeys): string {
  return keys.map((key) => key.toString('base64')).join(',');
}

function parseKey(text: string, origin: string): Buffer {
  const bytes = /^[0-9a-f]{64}$/i.test(text)
    ? Buffer.from(text, 'hex')
    : Buffer.from(text, 'base64');
  if (bytes.length !== 32) throw badKey(origin);
  return bytes;
}

function badKey(origin: string): ConfigError {
  return new ConfigError(
    'bad_encryption_key',
    `${origin} must hold 32 bytes, as 64 hexadecimal digits or base64 (openssl rand -base64 32); retired keys may follow after commas.`,
  );
}
