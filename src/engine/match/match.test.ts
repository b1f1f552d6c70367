import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Existing } from '../../connectors/contract/records.ts';
import { modes, permissionsOf } from '../../model/mode.ts';
import type { MappedRecord } from '../mapping/map-record.ts';
import { decide as decideInSteps, decideByLedger, type Decision } from './match.ts';
import { stableText } from '../values/stable-text.ts';
import { runSteps } from '../run/steps.ts';

const match = { caseInsensitive: true, trim: false };
const upsert = { permissions: permissionsOf('upsert'), match };

function decide(...args: Parameters<typeof decideInSteps>): Decision {
  return runSteps(decideInSteps(...args));
}

function held(key: string, values: Existing['values'] = {}): Existing {
  return { key: [key], id: `id-${key}`, values };
}

test('new, differing and equal records', () => {
  const records = [
    { key: ['a'], values: { n: 1, m: 'x' } },
    { key: ['b'], values: { n: 2, m: 'x' } },
    { key: ['c'], values: { n: 3 } },
  ];
  const decision = decide(records, [held('B', { n: 9, m: 'x' }), held('c', { n: '3' })], upsert);
  expect(decision.operations).toEqual([
    { operation: 'create', key: ['a'], canonicalKey: '["a"]', id: null, values: { n: 1, m: 'x' } },
    {
      operation: 'update',
      key: ['b'],
      canonicalKey: '["b"]',
      id: 'id-B',
      values: { n: 2 },
      before: { n: 9 },
    },
  ]);
  expect(decision.stats).toMatchObject({ imported: 3, unchanged: 1 });
  expect(decision.keys).toEqual(['["a"]', '["b"]', '["c"]']);
});

test('records without a key, with an ambiguous one, filtered, faulty or repeated', () => {
  const fault = { code: 'expression_failed', message: 'm', field: 'f' };
  const records: MappedRecord[] = [
    { key: [null], values: {} },
    { key: ['twice'], values: {} },
    { skipped: 'filter' },
    { key: ['bad'], fault },
    { key: ['a'], values: { n: 1 } },
    { key: ['A'], values: { n: 2 } },
  ];
  const decision = decide(records, [held('twice'), held('Twice')], upsert);
  expect(decision.errors.map(({ code, key }) => [code, key])).toEqual([
    ['missing_key', null],
    ['expression_failed', ['bad']],
    ['ambiguous_match', ['twice']],
  ]);
  expect(decision.operations.map(({ values }) => values)).toEqual([{ n: 2 }]);
  expect(decision.stats.skipped).toEqual({ mode: 0, filter: 1, duplicate: 1, edited: 0 });
  expect(decision.keys).toEqual(['["twice"]', '["bad"]', '["a"]']);
});

test('a record whose key is being written is put off, and nothing else is said of it', () => {
  const records = [
    { key: ['a'], values: { n: 1 } },
    { key: ['B'], values: { n: 2 } },
  ];
  const decision = decide(records, [], { ...upsert, pending: new Set(['["b"]']) });
  expect(decision.deferred).toEqual([{ key: ['B'], values: { n: 2 } }]);
  expect(decision.operations.map(({ key }) => key)).toEqual([['a']]);
  expect(decision.stats).toMatchObject({ imported: 2, unchanged: 0, errors: 0 });
  expect(decision.keys).toEqual(['["a"]', '["b"]']);
});

test('the mode decides what may be done', () => {
  const records = [
    { key: ['new'], values: { n: 1 } },
    { key: ['old'], values: { n: 1 } },
  ];
  const kinds = (mode: (typeof modes)[number]) =>
    decide(records, [held('old', { n: 0 })], {
      permissions: permissionsOf(mode),
      match,
    }).operations.map(({ operation }) => operation);
  expect(modes.map(kinds)).toEqual([
    ['create', 'update'],
    ['update'],
    ['create'],
    ['create', 'update'],
  ]);
});

test('the ledger decides where the destination cannot be read', () => {
  const records = [
    { key: ['new'], values: { n: 1 } },
    { key: ['same'], values: { n: 1 } },
    { key: ['changed'], values: { n: 2, m: 1 } },
  ];
  const old = { hash: stableText({ n: 1 }), id: 'x' };
  const ledger = new Map([
    ['["same"]', old],
    ['["changed"]', old],
  ]);
  const decision = runSteps(decideByLedger(records, ledger, stableText, upsert));
  expect(decision.operations.map(({ operation, id, values }) => [operation, id, values])).toEqual([
    ['create', null, { n: 1 }],
    ['update', 'x', { n: 2, m: 1 }],
  ]);
  expect(decision.stats.unchanged).toBe(1);
});

test('R10: every record is counted exactly once', () => {
  const record = fc.oneof(
    fc.constant<MappedRecord>({ skipped: 'filter' }),
    fc.record({
      key: fc.tuple(fc.constantFrom('a', 'A', 'b', 'c', '', null)),
      values: fc.record({ n: fc.integer({ min: 0, max: 1 }) }),
    }),
    fc.record({
      key: fc.tuple(fc.constantFrom('a', 'b')),
      fault: fc.constant({ code: 'x', message: '', field: 'n' }),
    }),
  );
  const existing = fc.array(fc.constantFrom(held('a', { n: 0 }), held('b', { n: 1 })), {
    maxLength: 3,
  });
  fc.assert(
    fc.property(fc.array(record), existing, fc.constantFrom(...modes), (records, found, mode) => {
      const decision: Decision = decide(records, found, {
        permissions: permissionsOf(mode),
        match,
      });
      const { imported, unchanged, skipped, errors } = decision.stats;
      expect(
        decision.operations.length +
          unchanged +
          skipped.mode +
          skipped.filter +
          skipped.duplicate +
          errors,
      ).toBe(imported);
      expect(imported).toBe(records.length);
    }),
  );
});

test('a record lacks what only every object has', () => {
  const values = JSON.parse('{"constructor":"x","__proto__":"y"}') as Existing['values'];
  const decision = decide([{ key: ['a'], values }], [held('a', { name: 'a' })], upsert);
  const [update] = decision.operations;
  expect(Object.entries(update?.values ?? {})).toEqual(Object.entries(values));
  expect(Object.entries(update?.before ?? {})).toEqual([
    ['constructor', null],
    ['__proto__', null],
  ]);
  expect(decide([{ key: ['a'], values }], [held('a', values)], upsert).stats.unchanged).toBe(1);
});
