import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createBatchCipher } from './batch-cipher.ts';
import type { Blobs } from './blobs.ts';

const key = randomBytes(32);

function each({ bytes, starts = [], lengths }: Blobs): (Buffer | null)[] {
  return starts.map((start, index) => {
    const length = typeof lengths === 'number' ? lengths : lengths[index];
    return typeof length === 'number' ? bytes.subarray(start, start + length) : null;
  });
}

test('each text of a batch can be opened by itself', () => {
  const { id, sealAll, open } = createBatchCipher(key);
  const text = fc.option(fc.oneof(fc.string({ unit: 'binary' }), fc.constant('ü€'.repeat(3000))));
  fc.assert(
    fc.property(fc.array(text), (texts) => {
      const wanted = texts.map((one) => one && Buffer.from(one).toString());
      const sealed = each(sealAll(texts));
      expect(sealed.map((one) => one && open(one).toString())).toEqual(wanted);
      const ids = sealed.flatMap((one) => (one === null ? [] : [one.subarray(0, 4)]));
      expect(ids).toEqual(ids.map(() => id));
    }),
  );
});

test('the same texts are never sealed the same, in one batch or another', () => {
  const { sealAll } = createBatchCipher(key);
  const texts = Array.from({ length: 100 }, () => 'the same text, longer than a block');
  const sealed = [sealAll(texts), sealAll(texts)].flatMap(each);
  const encrypted = sealed.map((one) => one?.subarray(20, -16).toString('hex'));
  expect(new Set(encrypted).size).toBe(200);
});

test('a changed byte, a shortened text and another key are refused', () => {
  const { sealAll, open } = createBatchCipher(key);
  const [sealed = null] = each(sealAll(['a text']));
  if (sealed === null) throw new Error('nothing was sealed');
  for (let at = 0; at < sealed.length; at++) {
    const changed = Buffer.from(sealed);
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect(() => open(changed)).toThrow('changed');
  }
  for (let length = 0; length < sealed.length; length++)
    expect(() => open(sealed.subarray(0, length))).toThrow('changed');
  expect(() => createBatchCipher(randomBytes(32)).open(sealed)).toThrow('changed');
});
