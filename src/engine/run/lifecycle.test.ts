import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { isOver, type RunStatus } from '../../model/run.ts';
import { transition, type LifecycleEvent } from './lifecycle.ts';

const events = ['start', 'pause', 'resume', 'complete', 'fail', 'cancel'] as const;

function replay(...list: readonly LifecycleEvent[]): RunStatus {
  return list.reduce<RunStatus>((state, event) => transition(state, event), 'pending');
}

test('a run starts, pauses, resumes and completes', () => {
  expect(replay('start')).toBe('running');
  expect(replay('start', 'pause')).toBe('paused');
  expect(replay('start', 'pause', 'resume')).toBe('running');
  expect(replay('start', 'complete')).toBe('completed');
  expect(replay('cancel')).toBe('cancelled');
  expect(replay('start', 'pause', 'complete')).toBe('completed');
});

test('an event that is not allowed changes nothing', () => {
  expect(replay('pause')).toBe('pending');
  expect(replay('start', 'pause', 'pause')).toBe('paused');
  expect(replay('start', 'start')).toBe('running');
});

test('nothing leaves a status that is over', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...events)), fc.constantFrom(...events), (list, last) => {
      const before = replay(...list);
      expect(!isOver(before) || transition(before, last) === before).toBe(true);
    }),
  );
});
