import type { OpenedRun } from '../src/model/workflow.ts';
import type { Stats } from '../src/model/outcome.ts';
import type { Staged, Waiting } from './paths/path.ts';

export type { WaitedJob, Waiting } from './paths/path.ts';
import type { StartedRun } from './run/create-run.ts';
import type { RunEnd } from '../src/store/runs/run-progress.ts';
import type { Removal, RunFailure, RunPhase, RunStatus } from '../src/model/run.ts';

/** Names a chunk of a run. */
export interface ChunkInput {
  readonly run: string;
  readonly chunk: number;
}

/** The result of reading a page. With `waitMs`, nothing was read yet: a long job at the source still runs. */
export interface Imported extends Staged, Partial<Waiting> {}

/** The end of a run, as its workflow is told. */
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
   * Maps a staged chunk and matches it with the destination, in source order (not where the destination stages).
   * `waits` is true when earlier chunks still write some of its keys: the chunk may be exported only after them.
   */
  matchChunk(input: ChunkInput): Promise<{ waits: boolean }>;
  /** Writes a chunk; returns its share of the stats, or the time to wait before it is called again. */
  exportChunk(input: ChunkInput): Promise<Stats | Waiting>;
  /** Counts and pins what a mirror would remove. */
  planRemoval(input: ChunkInput): Promise<Removal & { needsApproval: boolean }>;
  /** Removes what was pinned; returns its share of the stats, or the time to wait before it is called again. */
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

/** The steps of a cycle, settled when it opens. */
export interface OpenedCycle {
  /** The reads of the sources that are not down, in order. */
  readonly readings: readonly {
    readonly source: string;
    readonly reading: 'changes' | 'tombstones';
  }[];
  /** The sources whose deleted records are found by reading all ids. */
  readonly scans: readonly string[];
  readonly merges: boolean;
  /** The syncs of the destinations, without those whose own system is a source that is down. */
  readonly destinations: readonly string[];
}

/** A source that is down, so that the cycle goes on without it. */
export interface Missing {
  /** The sync of the destination that is the same system, if there is one: it waits too. */
  readonly missing?: { readonly destination?: string };
}

/** The activities of a cycle, as the workflow sees them: ids and counts in, ids and counts out (R1). */
export interface CycleActivities {
  /** Checks all ends and settles from where to where each source is read. */
  openCycle(input: { run: string; entity: string }): Promise<OpenedCycle>;
  /**
   * Reads a batch of a source's changes and unifies it. `more` is true when the source holds further changes. `waits`
   * is true when those can only be read once the run that writes to the system has noted the records that it makes
   * there.
   */
  unifySource(input: {
    run: string;
    entity: string;
    source: string;
    reading: 'changes' | 'tombstones';
  }): Promise<{ more: boolean; waits?: boolean } & Missing>;
  /** Reads the ids of all records of a source, if that is due, and counts those that are gone (R7). */
  scanSource(input: {
    run: string;
    entity: string;
    source: string;
  }): Promise<Removal & { needsApproval: boolean } & Missing>;
  /** Detaches the records whose ids `scanSource` did not find. */
  detachMissing(input: { run: string; entity: string; source: string }): Promise<void>;
  /** Merges duplicates, or reports them. */
  mergeDuplicates(input: { run: string; entity: string }): Promise<void>;
  /** Ends the cycle: moves the positions of its sources. Returns how it ended. */
  closeCycle(input: {
    run: string;
    entity: string;
    end: Pick<RunEnd, 'status' | 'failure'>;
    /** True when the sources hold more than the cycle read. */
    more: boolean;
  }): Promise<Ended>;
}
