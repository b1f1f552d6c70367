import type { OpenedRun } from '../src/model/workflow.ts';
import type { Stats } from '../src/model/outcome.ts';
import type { RunEnd } from '../src/store/runs.ts';
import type { RunFailure, RunPhase, RunStatus } from '../src/model/run.ts';

/** Names a chunk of a run. */
export interface ChunkInput {
  readonly run: string;
  readonly chunk: number;
}

/** How a run ended. */
export interface Ended {
  readonly status: RunEnd['status'];
  readonly stats: Stats;
  readonly failure: RunFailure | null;
}

/** The activities of a run, as the workflow sees them: ids and counts in, ids and counts out (R1). */
export interface RunActivities {
  /** Checks both sides and settles how the run goes. */
  openRun(input: { run: string; sync: string }): Promise<OpenedRun>;
  /** Reads a page and stages it as one or more chunks from `chunk` on. */
  importPage(input: ChunkInput): Promise<{ chunks: number; records: number; done: boolean }>;
  /**
   * Matches a staged chunk with the destination and maps it (record destinations), in source order. With `waits` some
   * of its keys are still being written by earlier chunks: it may be exported only after them.
   */
  matchChunk(input: ChunkInput): Promise<{ waits: boolean }>;
  /** Writes a chunk; returns its share of the stats. */
  exportChunk(input: ChunkInput): Promise<Stats>;
  /** Counts and pins what a mirror would remove. */
  planRemoval(input: ChunkInput): Promise<{ remove: number; of: number; needsApproval: boolean }>;
  /** Removes what was pinned; returns its share of the stats. */
  exportRemoval(input: ChunkInput): Promise<Stats>;
  /** Notes the run's state for readers outside Temporal. */
  noteRun(input: {
    run: string;
    status: RunStatus;
    phase: RunPhase;
    removal?: { remove: number; of: number };
  }): Promise<void>;
  /**
   * Ends the run: finishes the destination, moves the watermark (R3), cleans up. Returns how the run ended: once it
   * is over it stays as it is.
   */
  closeRun(input: { run: string; end: Pick<RunEnd, 'status' | 'failure'> }): Promise<Ended>;
  /** Notes a scheduled run that did not start because one is open. */
  noteSkippedTick(input: { sync: string }): Promise<void>;
}
