/** What the command line says. */
export interface BenchOptions {
  /** How many rows; each bench has a default of its own. */
  readonly rows?: number;
  /** How often everything is measured; the results are medians. */
  readonly rounds: number;
  /** Whether the peers are measured too (they are installed at the first use). */
  readonly peers: boolean;
  /** Only the cases or contenders of these names. */
  readonly only?: readonly string[];
  /** Adds rounds to those on file instead of starting anew. */
  readonly add: boolean;
}

/** Whether `--only` names it, or is absent. */
export function isWanted({ only }: BenchOptions, name: string): boolean {
  return only === undefined || only.includes(name);
}
