import type { RunStatus } from '../../model/run.ts';

/** The events in the life of a run. */
export type LifecycleEvent = 'start' | 'pause' | 'resume' | 'complete' | 'fail' | 'cancel';

/*
 *   pending ──start──▶ running ──pause──▶ paused
 *      │                 │  ◀──resume──     │
 *      │                 ├── complete ──────┼──▶ completed
 *      └── fail, cancel ─┴── fail, cancel ──┴──▶ failed, cancelled
 */
const transitions: Readonly<Record<RunStatus, Partial<Record<LifecycleEvent, RunStatus>>>> = {
  pending: { start: 'running', fail: 'failed', cancel: 'cancelled' },
  running: { pause: 'paused', complete: 'completed', fail: 'failed', cancel: 'cancelled' },
  // A run can complete while it is told to pause: what was under way was its last step.
  paused: { resume: 'running', complete: 'completed', fail: 'failed', cancel: 'cancelled' },
  completed: {},
  failed: {},
  cancelled: {},
};

/**
 * Returns the status after `event`. An event that is not allowed in `state` changes nothing, so a late or repeated
 * signal is harmless. Deterministic and without dependencies: workflows use it (R11).
 */
export function transition(state: RunStatus, event: LifecycleEvent): RunStatus {
  return transitions[state][event] ?? state;
}
