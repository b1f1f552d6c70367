import { expect, test } from 'vitest';
import { changesDue, reckon, type Change } from './oracle.ts';

const source = new Map([
  ['a', '1'],
  ['b', '2'],
  ['c', '3'],
]);
const before = new Map([
  ['b', '1'],
  ['c', '3'],
  ['d', '4'],
]);
const due = changesDue(source, before, { create: true, update: true, remove: true });

function change(operation: Change['operation'], key: string, seq: string | null): Change {
  return { operation, key, seq };
}

test('what is due makes the destination what the source is', () => {
  expect(due).toEqual([
    { operation: 'create', key: 'a', seq: '1' },
    { operation: 'update', key: 'b', seq: '2' },
    { operation: 'remove', key: 'd', seq: null },
  ]);
  expect(reckon(due, due)).toEqual({ lost: [], phantom: [], duplicate: [], repeated: 0 });
});

test('what is missing, made up or made twice is told', () => {
  const made = [
    change('create', 'a', '1'),
    change('create', 'a', '1'),
    change('update', 'b', '1'),
    change('remove', 'c', null),
    change('remove', 'd', null),
  ];
  expect(reckon(due, made)).toEqual({
    lost: [change('update', 'b', '2')],
    phantom: [change('update', 'b', '1'), change('remove', 'c', null)],
    duplicate: [change('create', 'a', '1')],
    repeated: 0,
  });
});

test('an idempotent write may arrive twice, a create may not', () => {
  const [create] = due;
  if (create === undefined) throw new Error('nothing is due');
  const again: Change = { ...create, operation: 'update' };
  expect(reckon(due, [...due, again], { idempotent: true }).repeated).toBe(1);
  expect(reckon(due, [...due, again]).duplicate).toEqual([again]);
  expect(reckon(due, [...due, create], { idempotent: true }).duplicate).toEqual([create]);
});
