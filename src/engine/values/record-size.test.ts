import { expect, test } from 'vitest';
import { ExactNumber } from '../../model/json.ts';
import { shrunk, sizeOfRow } from './record-size.ts';

test('a size is near that of the JSON text', () => {
  const rows = [
    ['a', 1, null, true],
    ['x'.repeat(1000), { list: [1, 2, { deep: 'y'.repeat(500) }] }, new ExactNumber('12.345')],
  ];
  for (const row of rows) {
    const text = JSON.stringify(row).length;
    expect(sizeOfRow(row)).toBeGreaterThan(text / 2);
    expect(sizeOfRow(row)).toBeLessThan(text * 2);
  }
  expect(sizeOfRow([undefined])).toBeLessThan(10);
});

test('what is large goes, what may be a key stays', () => {
  const big = 'x'.repeat(5000);
  const inner = { id: 7, code: 'k', text: big, tags: Array.from({ length: 5000 }, () => 1) };
  expect(shrunk(['key', big, undefined, null, 3, { record: inner }])).toEqual([
    'key',
    null,
    undefined,
    null,
    3,
    { record: { id: 7, code: 'k', text: null, tags: null } },
  ]);
});
