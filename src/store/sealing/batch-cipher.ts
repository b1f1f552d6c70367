import {
  createCipheriv,
  createDecipheriv,
  createHash,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';
import type { Blobs } from './blobs.ts';
import { hashLength, keyedHash } from './keyed-hash.ts';

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
      const { plain, starts, lengths } = laidOut(texts);
      const start = Buffer.alloc(block);
      randomBytes(nonceLength).copy(start);
      const bytes = createCipheriv(algorithm, cipherKey, start).update(plain);
      const head = Buffer.concat([id, start.subarray(0, nonceLength)]);
      for (const [index, at] of starts.entries()) {
        const length = lengths[index];
        if (length === null || length === undefined) continue;
        head.copy(bytes, at);
        bytes.writeUInt32BE((at + textStart) / block, at + head.length);
        const end = at + length - tagLength;
        tagOf.write(bytes.subarray(at, end), bytes, end);
      }
      return { bytes, starts, lengths };
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

/**
 * The texts where they lie when they are sealed, so that all are encrypted in one go and none is moved: each begins with
 * a block, behind room for what comes before it.
 */
function laidOut(texts: readonly (string | null)[]): {
  plain: Buffer;
  starts: number[];
  lengths: (number | null)[];
} {
  const starts: number[] = [];
  let end = 0;
  const lengths = texts.map((text) => {
    const at = Math.ceil((end + textStart) / block) * block - textStart;
    starts.push(at);
    if (text === null) return null;
    const length = textStart + Buffer.byteLength(text) + tagLength;
    end = at + length;
    return length;
  });
  const plain = Buffer.alloc(end);
  for (const [index, text] of texts.entries())
    if (text !== null) plain.write(text, (starts[index] ?? 0) + textStart);
  return { plain, starts, lengths };
}
