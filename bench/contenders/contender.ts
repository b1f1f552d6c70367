import type { RunView } from '../../src/api/views/run-view.ts';
import type { Database } from '../../test/support/database.ts';

/** The scenarios that contenders run through. bench/README.md describes each. */
export const scenarios = ['S1', 'S2', 'S2i', 'S3', 'S4', 'S5'] as const;
export type Scenario = (typeof scenarios)[number];

/** The measurements of a contender in a scenario. */
export interface Measured {
  readonly seconds: number;
  /** Highest resident memory of the worker, MiB. */
  readonly peak?: number;
  /** CPU seconds by part. */
  readonly cpu?: Readonly<Record<string, number>>;
  /** The parts of the run's own time; see `timeline.ts`. */
  readonly timeline?: Readonly<Record<string, number>>;
}

/** A round's data. */
export interface Round {
  /** From 0. */
  readonly no: number;
  readonly source: Database;
  /** Rows of the source now. */
  rows: number;
  /** `updated_at` that everything so far is not later than. */
  watermark: string;
}

/** Someone who keeps a destination table equal to the source. */
export interface Contender {
  readonly name: string;
  /** With its version, for the table. */
  readonly title: string;
  /** More rows than this take it too long to be worth the wait. Default: no limit. */
  readonly maxRows?: number;
  readonly scenarios: readonly Scenario[];
  /** True when the bench goes on without the contender if it fails. */
  readonly mayFail?: boolean;
  /** Holds its `public.customers`. */
  readonly destination: Database;
  /** Makes the destination empty and forgets all state, before S1. */
  reset(round: Round): Promise<void>;
  /** Before the incremental scenarios, not timed: learns the watermark. */
  prime?(round: Round): Promise<void>;
  /** @param expected what the run should count. @throws when it fails or counts wrongly */
  run(scenario: Scenario, round: Round, expected: Partial<RunView['stats']>): Promise<Measured>;
}

/** A program to run. */
export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Another tool: one command a run. */
export interface Peer extends Omit<Contender, 'run' | 'prime'> {
  /** The command that does the scenario. */
  commandOf(scenario: Scenario, round: Round): Command;
}

/** Returns true when the scenario reads by the watermark. */
export function isIncremental(scenario: Scenario): boolean {
  return scenario === 'S2i' || scenario === 'S3';
}

/** The database's URL as tools in Python spell it. */
export function pythonUrl({ url }: Database): string {
  return url.replace('postgres://', 'postgresql://');
}
