import { createHmac, hash } from 'node:crypto';

const algorithm = 'sha256';
const blockSize = 64;
/** Longer data is rare, and hashed by the library's own HMAC. Bytes. */
const longest = 4096;

/** Length of a keyed hash. Bytes. */
export const hashLength = 16;

/** HMAC-SHA-256 (RFC 2104) of texts or bytes, cut to its first 16 bytes. */
export interface KeyedHash {
  (data: string | Buffer): Buffer;
  /** Writes the hash to a place of `into` instead of a buffer of its own. */
  write(data: string | Buffer, into: Buffer, at: number): void;
}

/**
 * Makes keyed hashes: what `createHmac` makes, in a third of the time, since it needs no object for each. Digests come
 * as Latin-1 text, as the runtime makes texts faster than buffers.
 */
export function keyedHash(key: Buffer): KeyedHash {
  const block = Buffer.alloc(blockSize);
  (key.length > blockSize ? hash(algorithm, key, 'buffer') : key).copy(block);
  const inner = Buffer.alloc(blockSize + longest);
  const outer = Buffer.alloc(blockSize + 32);
  for (let at = 0; at < blockSize; at++) {
    inner[at] = (block[at] ?? 0) ^ 0x36;
    outer[at] = (block[at] ?? 0) ^ 0x5c;
  }
  // Views are kept by length: a hash needs no object of its own.
  const views: Buffer[] = [];
  const write = (data: string | Buffer, into: Buffer, at: number): void => {
    // Three bytes a UTF-16 unit at the most.
    if (data.length * (typeof data === 'string' ? 3 : 1) > longest) {
      createHmac(algorithm, key).update(data).digest().copy(into, at, 0, hashLength);
      return;
    }
    const length =
      typeof data === 'string' ? inner.write(data, blockSize) : data.copy(inner, blockSize);
    const view = (views[length] ??= inner.subarray(0, blockSize + length));
    const digest = hash(algorithm, view, 'binary');
    outer.write(digest, blockSize, 'binary');
    into.write(hash(algorithm, outer, 'binary'), at, hashLength, 'binary');
  };
  const one = (data: string | Buffer): Buffer => {
    const bytes = Buffer.allocUnsafe(hashLength);
    write(data, bytes, 0);
    return bytes;
  };
  return Object.assign(one, { write });
}
