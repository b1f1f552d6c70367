import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeLine, encodeLine, LineTracker } from '../values/copy-lines.ts';
import { LineGuard, type LinesOrValues, type ShortValues } from './line-guard.ts';

const value = fc.oneof(
  fc.constant(null),
  fc.string({ maxLength: 12 }),
  fc.constantFrom('\t', '\n', '\\', '', '\\N'),
  fc.integer({ min: 1, max: 9000 }).map((length) => 'x'.repeat(length)),
);
const line = fc.array(value, { minLength: 1, maxLength: 4 });

test('however a flow is cut: short lines pass whole, long ones keep their short values, in order', () => {
  const given = [
    fc.array(line, { maxLength: 12 }),
    fc.array(fc.nat(40_000)),
    fc.integer({ min: 0, max: 6000 }),
  ] as const;
  fc.assert(
    fc.property(...given, (lines, cuts, limit) => {
      const texts = lines.map((values) => encodeLine(values));
      const wanted = lines.map((values, at) => shortened(values, texts[at] ?? '', limit));
      const guard = new LineGuard(limit);
      const tracker = new LineTracker();
      const seen: LinesOrValues[] = [];
      for (const piece of pieces(Buffer.from(texts.join('')), cuts))
        for (const each of guard.push(piece)) {
          seen.push(each);
          tracker.push(each);
        }
      expect(seen.flatMap(valuesOf)).toEqual(wanted);
      expect(tracker.lines).toBe(lines.length);
      expect(tracker.lastValues()).toEqual(wanted.at(-1) ?? null);
    }),
    { numRuns: 300 },
  );
});

test('a line of 50 MB is never held', () => {
  const guard = new LineGuard(1 << 20);
  const part = Buffer.alloc(1 << 16, 'x');
  const before = process.memoryUsage().arrayBuffers;
  expect([...guard.push(Buffer.from('7\t'))]).toEqual([]);
  for (let sent = 0; sent < 50 << 20; sent += part.length)
    expect([...guard.push(Buffer.from(part))]).toEqual([]);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(40 << 20);
  expect([...guard.push(Buffer.from('\tend\n8\tx\n'))]).toEqual([
    ['7', undefined, 'end'],
    Buffer.from('8\tx\n'),
  ]);
});

function shortened(values: readonly (string | null)[], text: string, limit: number) {
  if (Buffer.byteLength(text) - 1 <= limit) return [...values];
  return values.map((each) => (Buffer.byteLength(encodeLine([each])) > 4097 ? undefined : each));
}

function valuesOf(each: LinesOrValues): ShortValues[] {
  if (!Buffer.isBuffer(each)) return [each];
  return each.toString().slice(0, -1).split('\n').map(decodeLine);
}

function pieces(flow: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [
    0,
    ...cuts.filter((at) => at < flow.length).toSorted((a, b) => a - b),
    flow.length,
  ];
  return places.slice(1).map((end, at) => flow.subarray(places[at], end));
}
