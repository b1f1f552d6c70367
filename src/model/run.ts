import type { CycleStageName, CycleView } from './cycle.ts';
import type { Mode } from './mode.ts';
import type { Stats } from './outcome.ts';

/** The state of a run in its lifecycle (DESIGN section 3). */
export type RunStatus = 'pending' | 'running' | 'paused' | 'completed' | 'failed' | 'cancelled';

/** The current activity of an open run. A cycle goes through stages. */
export type RunPhase = 'open' | 'sync' | 'remove' | 'close' | CycleStageName;

/** The way a completed run ended: everything written, some record errors, or nothing to write. */
export type RunOutcome = 'ok' | 'partial' | 'nothing_written';

/** The reason why a run failed; safe to show (R1). */
export interface RunFailure {
  readonly code: string;
  readonly message: string;
  readonly connection?: string;
}

/** The options that a caller of the API may set for a run. */
export interface RunOptions {
  /** True reads everything, whatever the watermark. */
  readonly full?: boolean;
  /** True reads and matches and writes nothing; the stats say what would be done. */
  readonly dryRun?: boolean;
  /** Stops after this many records: nothing is removed and the watermark stays. */
  readonly limit?: number;
  /** A run's id: reads only the records that failed in that run. */
  readonly retryOf?: string;
  /** A run's id: starts where that run stopped. */
  readonly continueOf?: string;
}

/** The place where a run begins to read: after a cursor, or `done` when nothing is left to read. */
export interface RunStart {
  readonly cursor: string | null;
  readonly done: boolean;
}

/** True when the run reads all that is due: neither a part only, nor just the records that failed before. */
export function readsAllDue({ limit, retryOf }: RunOptions): boolean {
  return limit === undefined && retryOf === undefined;
}

/** True when the run reads all that is due and writes it. Then it moves the watermark, and can be continued. */
export function writesAllDue(options: RunOptions): boolean {
  return readsAllDue(options) && options.dryRun !== true;
}

/** One execution of a sync, as the store keeps it. */
export interface Run {
  readonly id: string;
  /** The sync that it runs; null for a cycle. */
  readonly sync: string | null;
  /** The mode; null for a cycle, because each of its destinations has its own. */
  readonly mode: Mode | null;
  /** Set for a cycle of an entity. */
  readonly cycle: CycleView | null;
  /** The id of the cycle that started it; null for a run that no cycle started. */
  readonly parent: string | null;
  readonly options: RunOptions;
  readonly status: RunStatus;
  readonly phase: RunPhase;
  readonly outcome: RunOutcome | null;
  readonly stats: Stats;
  /** The position up to which the source has been read once this run completed; null without a watermark. */
  readonly watermark: string | null;
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
  /** The time until which the run waits for a rate limit. */
  readonly waitingUntil: Date | null;
  /** The removals that wait for approval. */
  readonly removal: Removal | null;
  /** Facts that the user should know although nothing failed. */
  readonly warnings: readonly RunWarning[];
  readonly failure: RunFailure | null;
}

/** The removals that a mirror would make, and why they need approval. */
export interface Removal {
  readonly remove: number;
  /** The number of records that the destination holds, of those in scope. */
  readonly of: number;
  readonly reason?: string;
}

/** A warning about a run; it names fields, never values (R1). */
export interface RunWarning {
  /** A stable code such as `watermark_ahead`. */
  readonly code: string;
  readonly message: string;
}

/** True when a run with this status is over. */
export function isOver(status: RunStatus): boolean {
  return status === 'completed' || status === 'failed' || status === 'cancelled';
}
