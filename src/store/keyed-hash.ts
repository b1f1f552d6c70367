import { createHmac, hash } from 'node:crypto';

const algorithm = 'sha256';
const blockSize = 64;
/** Longer texts are rare, and hashed by the library's own HMAC. Bytes. */
const longest = 4096;

/**
 * Makes HMAC-SHA-256 (RFC 2104) of texts, cut to its first 16 bytes: what `createHmac` makes, in half the time, since
 * it needs no object for each.
 */
export function keyedHash(key: Buffer): (text: string) => Buffer {
  const block = Buffer.alloc(blockSize);
  (key.length > blockSize ? hash(algorithm, key, 'buffer') : key).copy(block);
  const inner = Buffer.alloc(blockSize + longest);
  const outer = Buffer.alloc(blockSize + 32);
  for (let at = 0; at < blockSize; at++) {
    inner[at] = (block[at] ?? 0) ^ 0x36;
    outer[at] = (block[at] ?? 0) ^ 0x5c;
  }
  return (text) => {
    // Three bytes a UTF-16 unit at the most.
    if (text.length * 3 > longest)
      return createHmac(algorithm, key).update(text).digest().subarray(0, 16);
    const end = blockSize + inner.write(text, blockSize);
    outer.write(hash(algorithm, inner.subarray(0, end), 'binary'), blockSize, 'binary');
    return hash(algorithm, outer, 'buffer').subarray(0, 16);
  };
}
