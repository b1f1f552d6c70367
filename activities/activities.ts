import type { OpenedRun } from '../src/model/workflow.ts';
import type { Stats } from '../src/model/outcome.ts';
import type { Staged, Waiting } from './paths/path.ts';

export type { WaitedJob, Waiting } from './paths/path.ts';
import type { StartedRun } from './run/create-run.ts';
import type { RunEnd } from '../src/store/runs/runs.ts';
import type { Removal, RunFailure, RunPhase, RunStatus } from '../src/model/run.ts';

/** Names a chunk of a run. */
export interface ChunkInput {
  readonly run: string;
  readonly chunk: number;
}

/** What reading a page came to; with `waitMs` a long job at the source is still to be waited for. */
export interface Imported extends Staged, Partial<Waiting> {}

/** How a run ended. */
export interface Ended {
  readonly status: RunEnd['status'];
  readonly stats: Stats;
  readonly failure: RunFailure | null;
}

/** The activities of a run, as the workflow sees them: ids and counts in, ids and counts out (R1). */
export interface RunActivities {
  /** Checks both sides and settles how the run goes. */
  openRun(input: StartedRun): Promise<OpenedRun>;
  /** Reads a page and stages it as one or more chunks from `chunk` on. */
  importPage(input: ChunkInput): Promise<Imported>;
  /**
   * Matches a staged chunk with the destination and maps it (record destinations), in source order. With `waits` some
   * of its keys are still being written by earlier chunks: it may be exported only after them.
   */
  matchChunk(input: ChunkInput): Promise<{ waits: boolean }>;
  /** Writes a chunk; returns its share of the stats, or when to come again. */
  exportChunk(input: ChunkInput): Promise<Stats | Waiting>;
  /** Counts and pins what a mirror would remove. */
  planRemoval(input: ChunkInput): Promise<Removal & { needsApproval: boolean }>;
  /** Removes what was pinned; returns its share of the stats, or when to come again. */
  exportRemoval(input: ChunkInput): Promise<Stats | Waiting>;
  /** Notes the run's state for readers outside Temporal. */
  noteRun(input: {
    run: string;
    status: RunStatus;
    phase: RunPhase;
    removal?: Removal;
  }): Promise<void>;
  /**
   * Ends the run: finishes the destination, moves the watermark (R3), cleans up. Returns how the run ended: once it
   * is over it stays as it is.
   */
  closeRun(input: StartedRun & { end: Pick<RunEnd, 'status' | 'failure'> }): Promise<Ended>;
  /** Notes a scheduled run that did not start because one is open. */
  noteSkippedTick(input: { sync: string }): Promise<void>;
}

/** What opening a cycle settled. */
export interface OpenedCycle {
  /** What is read, in order. */
  readonly readings: readonly {
    readonly source: string;
    readonly reading: 'changes' | 'tombstones';
  }[];
  /** The sources whose deletes are found by reading all ids. */
  readonly scans: readonly string[];
  readonly merges: boolean;
  /** The syncs of the destinations. */
  readonly destinations: readonly string[];
}

/** The activities of a cycle, as the workflow sees them: ids and counts in, ids and counts out (R1). */
export interface CycleActivities {
  /** Checks all ends and settles from where to where each source is read. */
  openCycle(input: { run: string; entity: string }): Promise<OpenedCycle>;
  /**
   * Reads a batch of what a source has changed, and unifies it. `more`: the source holds more; `waits`: but nothing can be
   * read before the run that writes to the system has noted what it makes there.
   */
  unifySource(input: {
    run: string;
    entity: string;
    source: string;
    reading: 'changes' | 'tombstones';
  }): Promise<{ more: boolean; waits?: boolean }>;
  /** Reads the ids of all records of a source, if that is due, and counts those that are gone (R7). */
  scanSource(input: {
    run: string;
    entity: string;
    source: string;
  }): Promise<Removal & { needsApproval: boolean }>;
  /** Detaches the records that `scanSource` has not met. */
  detachMissing(input: { run: string; entity: string; source: string }): Promise<void>;
  /** Merges duplicates, or reports them. */
  mergeDuplicates(input: { run: string; entity: string }): Promise<void>;
  /** Ends the cycle: moves the positions of its sources. Returns how it ended. */
  closeCycle(input: {
    run: string;
    entity: string;
    end: Pick<RunEnd, 'status' | 'failure'>;
    /** Whether the sources hold more. */
    more: boolean;
  }): Promise<Ended>;
}
