/** The places in the code where a test may inject a fault: before and after each step that outlives the process. */
export const faultPoints = [
  'open.before-plan',
  'open.after-plan',
  'import.before-fetch',
  'import.after-fetch',
  'import.before-stage',
  'import.after-stage',
  'import.after-commit',
  'match.before-lookup',
  'match.after-lookup',
  'match.after-commit',
  'export.before-apply',
  'export.after-apply',
  'export.before-journal',
  'export.before-write',
  'export.after-write',
  'export.after-ledger',
  'export.after-journal',
  'export.before-commit',
  'export.after-commit',
  'job.before-submit',
  'job.after-submit',
  'job.after-results',
  'removal.before-plan',
  'removal.after-plan',
  'removal.before-remove',
  'removal.after-remove',
  'removal.after-commit',
  'unify.before-read',
  'unify.after-load',
  'unify.in-transaction',
  'unify.after-commit',
  'detach.after-commit',
  'merge.before-commit',
  'merge.after-commit',
  'deliver.before-start',
  'cycle.before-positions',
  'cycle.after-positions',
  'cycle.after-number',
  'cycle.after-finish',
  'close.after-late',
  'close.before-tidy',
  'close.after-tidy',
  'close.after-watermark',
  'close.after-finish',
  'close.after-clean-up',
  /** Inside a transaction of the state database that holds a chunk's lock. */
  'state.in-transaction',
  /** Inside a transaction of a destination, when everything but the commit is done. */
  'destination.in-transaction',
  'destination.after-commit',
] as const;

/** The name of a place where a test may inject a fault. */
export type FaultPoint = (typeof faultPoints)[number];

let strike: ((point: FaultPoint) => void) | undefined;

/** Does nothing, unless this process was told to inject a fault here (`SLUICE_TEST_FAULTS`). */
export function faultPoint(point: FaultPoint): void {
  strike?.(point);
}

/** Calls `handler` at every fault point from now on. Only for tests. */
export function armFaultPoints(handler: (point: FaultPoint) => void): void {
  strike = handler;
}
