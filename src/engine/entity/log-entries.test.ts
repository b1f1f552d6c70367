import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { FieldChange, IdChange, LogEntry } from '../../model/entity-log.ts';
import type { Json, JsonObject } from '../../model/json.ts';
import { joinEntries, saysNothing } from './log-entries.ts';

const entry = (parts: Partial<LogEntry>): LogEntry => ({
  record: '1',
  operation: 'update',
  changes: [],
  refused: [],
  ids: [],
  merged: [],
  ...parts,
});
const change = (field: string, old: Json, to: Json, source = 'crm'): FieldChange => ({
  field,
  old,
  new: to,
  source,
  at: '1',
  by: 'latest',
});
const id = (to: IdChange['change']): IdChange => ({
  system: 'crm',
  id: '7',
  change: to,
  by: 'match',
});

test('first old and last new value; what comes back disappears', () => {
  const first = entry({ changes: [change('a', 1, 2), change('b', 1, 2)] });
  const later = entry({
    changes: [change('a', 2, 3, 'shop'), change('b', 2, 1), change('c', 1, 2)],
  });
  expect(joinEntries(first, later).changes).toEqual([change('a', 1, 3, 'shop'), change('c', 1, 2)]);
});

test('coalesced entries replay to the values of the record', () => {
  const step = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.constantFrom(null, 1, 2, 'x'));
  fc.assert(
    fc.property(step, fc.array(step, { minLength: 1 }), (start, steps) => {
      let values: JsonObject = start;
      let whole: LogEntry | undefined;
      for (const next of steps) {
        const changes = Object.entries(next)
          .filter(([field, value]) => (values[field] ?? null) !== value)
          .map(([field, value]) => change(field, values[field] ?? null, value));
        values = { ...values, ...next };
        whole = joinEntries(whole, entry({ changes }));
      }
      const replayed: JsonObject = { ...start };
      for (const { field, old, new: value } of whole?.changes ?? []) {
        expect(replayed[field] ?? null).toEqual(old);
        expect(value).not.toEqual(old);
        replayed[field] = value;
      }
      for (const field of ['a', 'b', 'c'])
        expect(replayed[field] ?? null).toEqual(values[field] ?? null);
    }),
  );
});

test.each([
  ['update', 'merge', 'merge'],
  ['create', 'merge', 'create'],
  ['create', 'update', 'create'],
  ['create', 'delete', 'delete'],
  ['merge', 'delete', 'delete'],
  ['merge', 'update', 'merge'],
] as const)('%s, then %s is %s', (first, later, operation) => {
  expect(joinEntries(entry({ operation: first }), entry({ operation: later })).operation).toBe(
    operation,
  );
});

test('of merges the winner names all, a loser its winner', () => {
  const first = entry({ operation: 'merge', merged: ['2'] });
  expect(joinEntries(first, entry({ operation: 'merge', merged: ['3'] })).merged).toEqual([
    '2',
    '3',
  ]);
  expect(joinEntries(first, entry({ operation: 'delete', merged: ['9'] })).merged).toEqual(['9']);
});

test('an id that came and left leaves nothing; refused values stay once', () => {
  const refused = { field: 'a', value: 1, source: 'crm', at: '1', by: 'owner' as const };
  const none = joinEntries(entry({ ids: [id('attached')] }), entry({ ids: [id('detached')] }));
  expect(none.ids).toEqual([]);
  expect(saysNothing(none)).toBe(true);
  const twice = joinEntries(
    entry({ refused: [refused] }),
    entry({ refused: [{ ...refused, value: 2 }] }),
  );
  expect(twice.refused).toEqual([{ ...refused, value: 2 }]);
  expect(saysNothing(twice)).toBe(false);
});
