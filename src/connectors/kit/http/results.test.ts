import { expect, it } from 'vitest';
import type { WriteOperation, WriteResult } from '../../contract/records.ts';
import { resultsByName, resultsByPosition, textsAt } from './results.ts';

function create(key: string): WriteOperation {
  return { operation: 'create', key: [key], id: null, values: {}, idempotencyKey: `t-${key}` };
}

interface Item {
  readonly [name: string]: string | string[];
}

function judge(item: Item): WriteResult {
  const { id, message } = item;
  return typeof message === 'string'
    ? { ok: false, class: 'record', code: 'refused', message }
    : { ok: true, ...(typeof id === 'string' && { id }) };
}

const call = { method: 'POST', label: '/leads.json' };
const sent = ['a', 'b', 'c'].map(create);
const refused = { ok: false, class: 'record', code: 'refused' };
const unknown = { ok: false, class: 'transient', code: 'unknown_outcome' };

const byTrace = {
  operation: ({ idempotencyKey }: WriteOperation) => idempotencyKey,
  item: (item: Item) => textsAt(item, ['trace', 'traces']),
};

it('ties results to records by their position, and refuses another number of them', () => {
  const items = [{ id: '1' }, { message: 'no' }, { id: '3' }];
  expect(resultsByPosition(sent, items, judge, call, 'leads')).toMatchObject([
    { ok: true, id: '1' },
    refused,
    { ok: true, id: '3' },
  ]);
  for (const some of [items.slice(1), [...items, { id: '4' }]])
    expect(() => resultsByPosition(sent, some, judge, call, 'leads')).toThrow(
      /3 records were sent, \d results came back/,
    );
});

it('ties results in any order to records by a name, of which one item may have several', () => {
  const items = [
    { trace: 't-c', id: '3' },
    { traces: ['t-a', 't-b', 't-other'], message: 'no' },
  ];
  expect(resultsByName(sent, items, byTrace, judge)).toMatchObject([
    refused,
    refused,
    { ok: true, id: '3' },
  ]);
});

it('takes a record that nothing is said of for one whose outcome is unknown', () => {
  const items = [{ trace: 't-b', id: '2' }];
  expect(resultsByName(sent, items, byTrace, judge)).toMatchObject([
    unknown,
    { ok: true, id: '2' },
    unknown,
  ]);
  const done = resultsByName(sent, [{ trace: 't-b', message: 'no' }], byTrace, judge, { ok: true });
  expect(done).toMatchObject([{ ok: true }, refused, { ok: true }]);
});

it('takes a record of which good and bad is said for one that failed', () => {
  const good = { trace: 't-a', id: '1' };
  const bad = { trace: 't-a', message: 'no' };
  for (const items of [
    [good, bad],
    [bad, good],
  ])
    expect(resultsByName([create('a')], items, byTrace, judge)).toMatchObject([refused]);
});
