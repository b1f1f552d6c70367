import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from 'node:crypto';

/** Encrypts what the state database keeps of secrets and records, and makes its keyed hashes. */
export interface Seal {
  /** AES-256-GCM with a random nonce; the key's id is authenticated with the text. */
  seal(data: Buffer): Buffer;
  /** @throws when the data was sealed with another key, or was changed */
  open(sealed: Buffer): Buffer;
  /** A keyed hash of 16 bytes: equal texts can be found again, the text cannot. */
  hash(text: string): Buffer;
}

const idLength = 4;
const nonceLength = 12;
const tagLength = 16;

/** @param key 32 random bytes */
export function createSeal(key: Buffer): Seal {
  const id = createHash('sha256')
    .update('sluice key id')
    .update(key)
    .digest()
    .subarray(0, idLength);
  const hashKey = createHmac('sha256', key).update('sluice hash').digest();
  return {
    seal(data) {
      const nonce = randomBytes(nonceLength);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(id);
      const text = Buffer.concat([cipher.update(data), cipher.final()]);
      return Buffer.concat([id, nonce, cipher.getAuthTag(), text]);
    },
    open(sealed) {
      if (!sealed.subarray(0, idLength).equals(id)) {
        throw new Error(
          'sealed with another encryption key than the one in use (SLUICE_ENCRYPTION_KEY)',
        );
      }
      const nonce = sealed.subarray(idLength, idLength + nonceLength);
      const tag = sealed.subarray(idLength + nonceLength, idLength + nonceLength + tagLength);
      const decipher = createDecipheriv('aes-256-gcm', key, nonce).setAAD(id).setAuthTag(tag);
      return Buffer.concat([
        decipher.update(sealed.subarray(idLength + nonceLength + tagLength)),
        decipher.final(),
      ]);
    },
    hash(text) {
      return createHmac('sha256', hashKey).update(text).digest().subarray(0, 16);
    },
  };
}
