/** The steps from the root of the checked value to a value in it. */
export type Path = readonly PropertyKey[];

/** Takes the problems that checks find. */
export interface Reporter {
  /** Reports a problem at the place that `path` leads to, with a hint about what was meant or what to do. */
  report(path: Path, message: string, hint?: string): void;
  /** True when the text at `path` came from a variable, and so may stand for a number or a boolean. */
  refers(path: Path): boolean;
}
