import type { Stats } from './outcome.ts';
import type { StopAfter } from './stop-after.ts';
import type { RunFailure, RunPhase, RunStatus } from './run.ts';

/** The task queue of all workflows and activities. */
export const taskQueue = 'sluice';

/** The workflow id of a sync's open run: Temporal allows one at a time. */
export function syncWorkflowId(sync: string): string {
  return `sync/${sync}`;
}

/** The workflow id of an entity's open cycle. */
export function entityWorkflowId(entity: string): string {
  return `entity/${entity}`;
}

/** What stands for a sync's id in a cycle; no sync is called so. */
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
  /** Whether the server knows Sluice's search attributes. */
  readonly searchable: boolean;
  /** The cycle whose destination it writes. */
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
  /** Whether the next cycle follows at once while sources hold more than a cycle reads. */
  readonly drain: boolean;
}

/** Input of `scheduledCycle`. */
export interface ScheduledCycleInput {
  readonly entity: string;
  readonly searchable: boolean;
}

/** What opening a run settled. */
export interface OpenedRun {
  readonly kind: 'staging' | 'records' | 'jobs';
  readonly mode: string;
  /** Whether the run removes what the source no longer has. */
  readonly removes: boolean;
  readonly dryRun: boolean;
  /** How many record errors fail the run. */
  readonly stopAfter?: StopAfter;
}

/** What an open run tells when it is asked. */
export interface RunState {
  readonly run: string;
  readonly status: RunStatus;
  readonly phase: RunPhase;
  readonly stats: Stats;
}

/** What a run came to. */
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
  /** To a cycle that only waits for its destinations: it leaves them to themselves, for the next one. */
  giveWay: 'giveWay',
} as const;

/** The failure of an export whose staged rows are gone, as after a crash of the destination's server. */
export const stagingLost = 'staging_lost';
