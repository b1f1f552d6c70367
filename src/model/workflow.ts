import type { Stats } from './outcome.ts';
import type { StopAfter } from './stop-after.ts';
import type { RunFailure, RunPhase, RunStatus } from './run.ts';

/** The task queue of all workflows and activities. */
export const taskQueue = 'sluice';

/** Returns the workflow id of a sync's open run. Temporal allows one at a time. */
export function syncWorkflowId(sync: string): string {
  return `sync/${sync}`;
}

/** Returns the workflow id of an entity's open cycle. */
export function entityWorkflowId(entity: string): string {
  return `entity/${entity}`;
}

/** Returns the text that stands for the sync's id in rows of an entity's cycles. No sync can have such an id. */
export function cycleSyncId(entity: string): string {
  return `entity/${entity}`;
}

/** Names of the search attributes that runs carry. */
export const searchAttributes = {
  sync: 'SluiceSync',
  status: 'SluiceStatus',
  run: 'SluiceRun',
} as const;

/** Input of `syncRun`: ids and counts only (R1). */
export interface SyncRunInput {
  readonly run: string;
  readonly sync: string;
  /** True when the Temporal server knows Sluice's search attributes. */
  readonly searchable: boolean;
  /** The id of the cycle whose destination the run writes. */
  readonly parent?: string;
  /** Set when the run continues as new. */
  readonly resume?: {
    readonly opened: OpenedRun;
    readonly nextChunk: number;
    readonly stats: Stats;
  };
}

/** Input of `scheduledSync`. */
export interface ScheduledSyncInput {
  readonly sync: string;
  readonly searchable: boolean;
}

/** Input of `entityCycle`. */
export interface EntityCycleInput {
  readonly run: string;
  readonly entity: string;
  readonly searchable: boolean;
  /** True when the next cycle follows at once as long as sources hold more than a cycle reads. */
  readonly drain: boolean;
}

/** Input of `scheduledCycle`. */
export interface ScheduledCycleInput {
  readonly entity: string;
  readonly searchable: boolean;
}

/** The facts that opening a run settles for its other steps. */
export interface OpenedRun {
  readonly kind: 'staging' | 'records' | 'jobs';
  readonly mode: string;
  /** True when the run removes records that the source no longer has. */
  readonly removes: boolean;
  readonly dryRun: boolean;
  /** The limits on record errors that fail the run. */
  readonly stopAfter?: StopAfter;
}

/** The state of an open run, as its workflow answers a query. */
export interface RunState {
  readonly run: string;
  readonly status: RunStatus;
  readonly phase: RunPhase;
  readonly stats: Stats;
}

/** The result of a run. */
export interface RunResult {
  readonly run: string;
  readonly status: RunStatus;
  readonly stats: Stats;
  readonly failure?: RunFailure;
}

/** Names of the workflow's query and signals. */
export const messages = {
  state: 'state',
  pause: 'pause',
  resume: 'resume',
  approve: 'approve',
  /** Asks a cycle that only waits for its destinations to end, because the next cycle is to start. */
  giveWay: 'giveWay',
} as const;

/** The failure of an export whose staged rows are gone, as after a crash of the destination's server. */
export const stagingLost = 'staging_lost';
