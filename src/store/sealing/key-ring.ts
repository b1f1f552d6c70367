import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { ConfigError } from '../../model/failure.ts';
import { createBatchCipher, type BatchCipher } from './batch-cipher.ts';
import type { Blobs } from './blobs.ts';

/** Encrypts with the current key; opens what the current key or a retired one has sealed. */
export interface KeyRing {
  /** The first 4 bytes of what the current key seals: one or many at once. */
  readonly ids: readonly Buffer[];
  /** AES-256-GCM with a random nonce; the key's id is authenticated with the text. */
  seal(data: Buffer | string): Buffer;
  /** Seals many texts at once, each to be opened by itself: see `createBatchCipher`. */
  sealAll(texts: readonly (string | null)[]): Blobs;
  /**
   * @throws ConfigError `wrong_encryption_key` when the key is not on the ring
   * @throws Error when the data was changed
   */
  open(sealed: Buffer): Buffer;
  /** The key that sealed this. @throws ConfigError `wrong_encryption_key` when it is not on the ring */
  keyOf(sealed: Buffer): Buffer;
}

/** The id of what was kept in the clear before it was sealed: an upgrade marks it, and it is sealed at the next start. */
export const inTheClear = Buffer.alloc(4);

const nonceLength = 12;
const tagLength = 16;
const start = inTheClear.length + nonceLength + tagLength;

interface RingKey {
  readonly key: Buffer;
  /** Set where the id is that of its batches. */
  readonly batches?: BatchCipher;
}

/** @param keys 32 random bytes each, the current one first */
export function createKeyRing(keys: readonly [Buffer, ...Buffer[]]): KeyRing {
  const [current] = keys;
  const id = idOf(current);
  const batches = createBatchCipher(current);
  const ring = new Map(
    keys.flatMap((key): [string, RingKey][] => {
      const cipher = key === current ? batches : createBatchCipher(key);
      return [
        [nameOf(idOf(key)), { key }],
        [nameOf(cipher.id), { key, batches: cipher }],
      ];
    }),
  );
  const nextNonce = nonces();
  const find = (sealed: Buffer): RingKey => {
    const name = nameOf(sealed);
    const found = ring.get(name);
    if (found === undefined) throw wrongKey(name, [...ring.keys()]);
    return found;
  };
  return {
    ids: [id, batches.id],
    keyOf: (sealed) => find(sealed).key,
    sealAll: batches.sealAll,
    seal(data) {
      const nonce = nextNonce();
      const cipher = createCipheriv('aes-256-gcm', current, nonce).setAAD(id);
      const text = Buffer.concat([cipher.update(data), cipher.final()]);
      return Buffer.concat([id, nonce, cipher.getAuthTag(), text]);
    },
    open(sealed) {
      const used = sealed.subarray(0, id.length);
      if (used.equals(inTheClear)) return sealed.subarray(id.length);
      const { key, batches: cipher } = find(sealed);
      if (cipher !== undefined) return cipher.open(sealed);
      const nonce = sealed.subarray(id.length, id.length + nonceLength);
      const decipher = createDecipheriv('aes-256-gcm', key, nonce)
        .setAAD(used)
        .setAuthTag(sealed.subarray(id.length + nonceLength, start));
      return Buffer.concat([decipher.update(sealed.subarray(start)), decipher.final()]);
    },
  };
}

/** Random nonces, each given once. Drawn many at a time: a draw costs as much as it takes to seal a short text. */
function nonces(): () => Buffer {
  let left = Buffer.alloc(0);
  return () => {
    if (left.length === 0) left = randomBytes(512 * nonceLength);
    const nonce = left.subarray(0, nonceLength);
    left = left.subarray(nonceLength);
    return nonce;
  };
}

function idOf(key: Buffer): Buffer {
  return createHash('sha256').update('sluice key id').update(key).digest().subarray(0, 4);
}

/** The id that sealed data begins with, as text. */
function nameOf(sealed: Buffer): string {
  return sealed.toString('hex', 0, inTheClear.length);
}

function wrongKey(needed: string, known: readonly string[]): ConfigError {
  return new ConfigError(
    'wrong_encryption_key',
    `the state database was sealed with the encryption key ${needed}, which is not among those given (${known.join(', ')}): ` +
      'put it into SLUICE_ENCRYPTION_KEY, after the current key and a comma if it was retired (without the variable, the file key in the data directory counts)',
  );
}
