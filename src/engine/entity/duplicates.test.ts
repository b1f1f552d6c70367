import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { findDuplicates } from './duplicates.ts';

const key = (rule: string, value: string): string => `["${rule}"]\n"${value}"`;

test('records that share a key are one group, transitively', () => {
  const shared = new Map([
    [key('name', 'a'), ['10', '9']],
    [key('domain', 'b'), ['9', '2']],
    [key('name', 'c'), ['5']],
    [key('name', 'd'), ['7', '6', '7']],
  ]);
  expect(findDuplicates(shared, 20)).toEqual({
    groups: [
      ['2', '9', '10'],
      ['6', '7'],
    ],
    tooLarge: [],
  });
});

test('what is larger than the guard is reported with its rule, not merged', () => {
  const shared = new Map([
    [key('name', 'x'), ['4', '3', '2', '1']],
    [key('domain', 'a'), ['1', '2']],
    [key('domain', 'p'), ['11', '12']],
    [key('name', 'q'), ['12', '13']],
    [key('domain', 'r'), ['13', '14']],
  ]);
  expect(findDuplicates(shared, 3)).toEqual({
    groups: [['1', '2']],
    tooLarge: [
      { records: ['1', '2', '3', '4'], rule: '["name"]' },
      { records: ['11', '12', '13', '14'], rule: '["domain"] or ["name"]' },
    ],
  });
});

test('groups are a partition, whatever the order', () => {
  const ids = fc.array(fc.integer({ min: 1, max: 40 }).map(String), { maxLength: 5 });
  fc.assert(
    fc.property(fc.array(ids, { maxLength: 30 }), (holders) => {
      const keys = holders.map((records, at): [string, string[]] => [
        key('k', String(at)),
        records,
      ]);
      const { groups } = findDuplicates(new Map(keys), 40);
      const members = groups.flat();
      expect(new Set(members).size).toBe(members.length);
      for (const [, records] of keys) {
        const distinct = new Set(records);
        if (distinct.size < 2) continue;
        const homes = new Set([...distinct].map((id) => groups.findIndex((g) => g.includes(id))));
        expect(homes.size).toBe(1);
        expect(homes.has(-1)).toBe(false);
      }
      const turned = new Map(keys.toReversed().map(([k, r]) => [k, r.toReversed()]));
      expect(findDuplicates(turned, 40).groups).toEqual(groups);
    }),
  );
});
