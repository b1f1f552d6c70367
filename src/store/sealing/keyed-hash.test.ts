import { createHmac, randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { keyedHash } from './keyed-hash.ts';

test.each([32, 64, 100])('makes the HMAC of any text (a key of %i bytes)', (size) => {
  const key = randomBytes(size);
  const hash = keyedHash(key);
  const wanted = (text: string) => createHmac('sha256', key).update(text).digest().subarray(0, 16);
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      expect(hash(text)).toEqual(wanted(text));
    }),
  );
  const bytes = randomBytes(5000);
  for (const length of [0, 1, 55, 56, 64, 350, 4096, 4097, 5000])
    expect(hash(bytes.subarray(0, length))).toEqual(
      createHmac('sha256', key).update(bytes.subarray(0, length)).digest().subarray(0, 16),
    );
  for (const text of ['', 'x'.repeat(1365), 'ü'.repeat(1365), '€'.repeat(5000)])
    expect(hash(text)).toEqual(wanted(text));
});
