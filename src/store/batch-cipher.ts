import {
  createCipheriv,
  createDecipheriv,
  createHash,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';
import type { Blobs } from './blobs.ts';
import { hashLength, keyedHash, type KeyedHash } from './keyed-hash.ts';

/** Seals many short texts at once: a cipher of their own for each would cost ten times as much. */
export interface BatchCipher {
  /** The first 4 bytes of what it seals. */
  readonly id: Buffer;
  /** Each text can be opened by itself. */
  sealAll(texts: readonly (string | null)[]): Blobs;
  /** @throws Error when the data was changed */
  open(sealed: Buffer): Buffer;
}

const algorithm = 'aes-256-ctr';
/** AES works by blocks of so many bytes. */
const block = 16;
const idLength = 4;
const nonceLength = 12;
const textStart = idLength + block;
const tagLength = hashLength;

/**
 * AES-256 in counter mode (NIST SP 800-38A), then HMAC-SHA-256 of all before it, cut to 16 bytes: encrypt-then-MAC
 * (Bellare & Namprempre 2000), with two keys derived from the one given (HKDF, RFC 5869). A text is
 * `id | nonce of the batch | number of its first block | encrypted text | tag`: what counter mode starts from is the
 * nonce and the number, so that texts of one batch never share a block of the key stream.
 */
export function createBatchCipher(key: Buffer): BatchCipher {
  const derived = Buffer.from(hkdfSync('sha256', key, '', 'sluice batch', 64));
  const cipherKey = derived.subarray(0, 32);
  const tagOf = keyedHash(derived.subarray(32));
  const id = createHash('sha256')
    .update('sluice batch id')
    .update(key)
    .digest()
    .subarray(0, idLength);
  return {
    id,
    sealAll(texts) {
      const lengths = texts.map((text) => (text === null ? null : Buffer.byteLength(text)));
      const plain = inBlocks(texts, lengths);
      const start = Buffer.alloc(block);
      randomBytes(nonceLength).copy(start);
      const encrypted = createCipheriv(algorithm, cipherKey, start).update(plain);
      return joined(id, start, lengths, encrypted, tagOf);
    },
    open(sealed) {
      const end = sealed.length - tagLength;
      if (end < textStart || !timingSafeEqual(tagOf(sealed.subarray(0, end)), sealed.subarray(end)))
        throw new Error('the sealed data was changed');
      const start = sealed.subarray(idLength, textStart);
      return createDecipheriv(algorithm, cipherKey, start).update(sealed.subarray(textStart, end));
    },
  };
}

function blocksOf(length: number): number {
  return Math.ceil(length / block);
}

/** The texts, each from the beginning of a block on. */
function inBlocks(texts: readonly (string | null)[], lengths: readonly (number | null)[]): Buffer {
  const blocks = lengths.reduce<number>((sum, length) => sum + blocksOf(length ?? 0), 0);
  const plain = Buffer.alloc(blocks * block);
  let at = 0;
  for (const [index, text] of texts.entries()) {
    if (text !== null) plain.write(text, at);
    at += blocksOf(lengths[index] ?? 0) * block;
  }
  return plain;
}

function joined(
  id: Buffer,
  start: Buffer,
  lengths: readonly (number | null)[],
  encrypted: Buffer,
  tagOf: KeyedHash,
): Blobs {
  const around = textStart + tagLength;
  const sealed = lengths.map((length) => (length === null ? null : length + around));
  const bytes = Buffer.allocUnsafe(sealed.reduce<number>((sum, length) => sum + (length ?? 0), 0));
  let at = 0;
  let blocks = 0;
  for (const length of lengths) {
    if (length === null) continue;
    const first = at;
    at += id.copy(bytes, at);
    at += start.copy(bytes, at, 0, nonceLength);
    at = bytes.writeUInt32BE(blocks, at);
    at += encrypted.copy(bytes, at, blocks * block, blocks * block + length);
    tagOf.write(bytes.subarray(first, at), bytes, at);
    at += tagLength;
    blocks += blocksOf(length);
  }
  return { bytes, lengths: sealed };
}
