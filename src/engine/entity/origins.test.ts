import { expect, test } from 'vitest';
import type { LogEntry } from '../../model/entity-log.ts';
import { compileAuthority } from './authority.ts';
import { originsOf } from './origins.ts';

const none = { operation: 'update', refused: [], ids: [], merged: [] } as const;
const entry = (record: string, cycle: number, parts: Partial<LogEntry>) => ({
  ...none,
  changes: [],
  ...parts,
  record,
  cycle,
});
const said = (source: string, at: string, by: 'latest' | 'ranked' | 'fill' = 'latest') => ({
  source,
  at,
  by,
});

test('per field: who set it, by which rule, and the last value of every other source that lost', () => {
  const origins = originsOf({
    record: {
      id: '1',
      values: { name: 'Acme', city: 'Kiel', kind: 'x', upper: 'ACME' },
      setBy: {
        name: { source: 'crm', at: '9', cycle: 3 },
        city: { source: 'manual', at: '2026-01-01T00:00:00Z', cycle: 4, reason: 'asked' },
        kind: { source: 'crm', at: '1', cycle: 1 },
        upper: { source: '_', at: null, cycle: 3 },
      },
    },
    log: [
      entry('1', 4, {
        changes: [
          { ...said('manual', '2026'), by: 'manual', field: 'city', old: 'Ulm', new: 'Kiel' },
        ],
        refused: [{ ...said('web', '8', 'ranked'), field: 'name', value: 'acme' }],
      }),
      entry('1', 3, {
        changes: [{ ...said('crm', '9', 'ranked'), field: 'name', old: 'Ac', new: 'Acme' }],
        refused: [{ ...said('web', '3', 'ranked'), field: 'name', value: 'older' }],
      }),
      entry('2', 2, {
        changes: [{ ...said('crm', '2'), field: 'name', old: null, new: 'Acme Inc' }],
      }),
      entry('1', 1, {
        changes: [
          { ...said('shop', '1'), field: 'name', old: null, new: 'Ac' },
          { ...said('crm', '1'), field: 'city', old: null, new: 'Ulm' },
        ],
      }),
    ],
    sourceRecords: [
      { system: 'app', id: '7', record: '1', at: '5', values: { name: 'ACME', kind: 'x' } },
      { system: 'web', id: '8', record: '1', at: '8', values: { name: 'acme' } },
    ],
    authorities: new Map([
      ['name', compileAuthority({ ranked: ['crm', 'app'] })],
      ['kind', compileAuthority('latest')],
    ]),
  });
  expect(origins).toEqual({
    name: {
      value: 'Acme',
      ...said('crm', '9', 'ranked'),
      cycle: 3,
      lost: [
        { value: 'acme', ...said('web', '8', 'ranked'), how: 'refused', cycle: 4 },
        { value: 'Acme Inc', ...said('crm', '2'), how: 'merged', cycle: 2 },
        { value: 'Ac', ...said('shop', '1'), how: 'overwritten', cycle: 1 },
        { value: 'ACME', ...said('app', '5', 'ranked'), how: 'refused', cycle: null },
      ],
    },
    city: {
      value: 'Kiel',
      source: 'manual',
      at: '2026-01-01T00:00:00Z',
      by: 'manual',
      cycle: 4,
      reason: 'asked',
      lost: [{ value: 'Ulm', ...said('crm', '1'), how: 'overwritten', cycle: 1 }],
    },
    kind: { value: 'x', ...said('crm', '1'), cycle: 1, lost: [] },
    upper: { value: 'ACME', source: '_', at: null, by: 'derived', cycle: 3, lost: [] },
  });
});
