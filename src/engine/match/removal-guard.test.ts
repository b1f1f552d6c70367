import { expect, test } from 'vitest';
import { approvalReason } from './removal-guard.ts';

const guard = { records: 100, fraction: 0.2 };
const reason = (remove: number, of: number, imported: number) =>
  approvalReason({ remove, of, imported, unnamed: 0 }, guard);
const facts = { remove: 1, of: 10_000, imported: 0, unnamed: 0 };

test('R7: an empty source removes nothing without approval, even without a guard', () => {
  expect(approvalReason(facts, guard)).toContain('empty');
  expect(approvalReason(facts, false)).toContain('empty');
  expect(approvalReason({ ...facts, remove: 0, of: 0 }, guard)).toBeNull();
});

test('R7: both the number and the fraction must be passed', () => {
  expect(reason(101, 200, 99)).toBe('more than 100 records and over 20 % would go');
  expect(reason(100, 101, 1)).toBeNull();
  expect(reason(101, 10_000, 9_899)).toBeNull();
  expect(reason(200, 1_000, 800)).toBeNull();
  expect(approvalReason({ remove: 999, of: 1_000, imported: 1, unnamed: 0 }, false)).toBeNull();
});

test('R7: a record without a readable key may stand for one that would go', () => {
  const unread = { remove: 1, of: 1_000, imported: 1_000, unnamed: 2 };
  expect(approvalReason(unread, false)).toMatch(/^2 records .* keys$/);
  expect(approvalReason({ ...unread, remove: 0 }, guard)).toBeNull();
});
