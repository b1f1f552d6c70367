import { expect, test } from 'vitest';
import { needsApproval } from './removal-guard.ts';

const guard = { records: 100, fraction: 0.2 };

test('R7: an empty source removes nothing without approval, even without a guard', () => {
  expect(needsApproval({ remove: 1, of: 10_000 }, 0, guard)).toBe(true);
  expect(needsApproval({ remove: 1, of: 10_000 }, 0, false)).toBe(true);
  expect(needsApproval({ remove: 0, of: 0 }, 0, guard)).toBe(false);
});

test('R7: both the number and the fraction must be passed', () => {
  expect(needsApproval({ remove: 101, of: 200 }, 99, guard)).toBe(true);
  expect(needsApproval({ remove: 100, of: 101 }, 1, guard)).toBe(false);
  expect(needsApproval({ remove: 101, of: 10_000 }, 9_899, guard)).toBe(false);
  expect(needsApproval({ remove: 200, of: 1_000 }, 800, guard)).toBe(false);
  expect(needsApproval({ remove: 999, of: 1_000 }, 1, false)).toBe(false);
});
