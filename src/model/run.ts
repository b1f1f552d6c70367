import type { CycleStageName, CycleView } from './cycle.ts';
import type { Mode } from './mode.ts';
import type { Stats } from './outcome.ts';

/** Where a run is in its life (DESIGN section 3). */
export type RunStatus = 'pending' | 'running' | 'paused' | 'completed' | 'failed' | 'cancelled';

/** What an open run is doing; a cycle goes through stages. */
export type RunPhase = 'open' | 'sync' | 'remove' | 'close' | CycleStageName;

/** How a completed run ended: everything written, some record errors, or nothing to write. */
export type RunOutcome = 'ok' | 'partial' | 'nothing_written';

/** Why a run failed; safe to show (R1). */
export interface RunFailure {
  readonly code: string;
  readonly message: string;
  readonly connection?: string;
}

/** What a caller of the API may ask of a run. */
export interface RunOptions {
  /** Read everything, whatever the watermark. */
  readonly full?: boolean;
  /** Read and match, write nothing; the stats say what would be done. */
  readonly dryRun?: boolean;
  /** Stop after this many records: nothing is removed and the watermark stays. */
  readonly limit?: number;
  /** Read only the records that failed in this run. */
  readonly retryOf?: string;
  /** Start where this run stopped. */
  readonly continueOf?: string;
}

/** Where a run begins to read: after this cursor, or `done`: there is nothing left to read. */
export interface RunStart {
  readonly cursor: string | null;
  readonly done: boolean;
}

/** Whether the run reads all that is due, not only a part or what failed before. */
export function readsAll({ limit, retryOf }: RunOptions): boolean {
  return limit === undefined && retryOf === undefined;
}

/** Whether the run also writes: then it moves the watermark, and can be continued. */
export function isWhole(options: RunOptions): boolean {
  return readsAll(options) && options.dryRun !== true;
}

/** One execution of a sync, as the store keeps it. */
export interface Run {
  readonly id: string;
  /** The sync it runs; null for a cycle. */
  readonly sync: string | null;
  /** Null for a cycle: each of its destinations has its own. */
  readonly mode: Mode | null;
  /** Set for a cycle of an entity. */
  readonly cycle: CycleView | null;
  /** The cycle that started it; null for a run of its own. */
  readonly parent: string | null;
  readonly options: RunOptions;
  readonly status: RunStatus;
  readonly phase: RunPhase;
  readonly outcome: RunOutcome | null;
  readonly stats: Stats;
  /** How far the source has been read once this run completed; null without a watermark. */
  readonly watermark: string | null;
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
  /** Until when the run waits for a rate limit. */
  readonly waitingUntil: Date | null;
  /** What waits for approval. */
  readonly removal: Removal | null;
  /** What its user should know although nothing failed. */
  readonly warnings: readonly RunWarning[];
  readonly failure: RunFailure | null;
}

/** What a mirror would remove, and why that needs approval. */
export interface Removal {
  readonly remove: number;
  /** How many records the destination holds, of those in scope. */
  readonly of: number;
  readonly reason?: string;
}

/** Something worth knowing of a run; names fields, never values (R1). */
export interface RunWarning {
  /** Stable, such as `watermark_ahead`. */
  readonly code: string;
  readonly message: string;
}

/** Whether a run with this status is over. */
export function isOver(status: RunStatus): boolean {
  return status === 'completed' || status === 'failed' || status === 'cancelled';
}
