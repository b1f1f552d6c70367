/** The options of the command line. */
export interface BenchOptions {
  /** The number of rows. Each bench has a default of its own. */
  readonly rows?: number;
  /** The number of times that everything is measured. The results are medians. */
  readonly rounds: number;
  /** True when the peers are measured too. They are installed at the first use. */
  readonly peers: boolean;
  /** Only the cases or contenders of these names. */
  readonly only?: readonly string[];
  /** Adds rounds to those on file instead of starting anew. */
  readonly add: boolean;
}

/** Returns true when `--only` names the measurement, or is absent. */
export function isWanted({ only }: BenchOptions, name: string): boolean {
  return only === undefined || only.includes(name);
}
