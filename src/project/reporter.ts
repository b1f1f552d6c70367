/** Steps from the root of what is checked to a value in it. */
export type Path = readonly PropertyKey[];

/** Takes the problems that checks find. */
export interface Reporter {
  /** Notes a problem at the place `path` leads to, with what may have been meant or what to do. */
  report(path: Path, message: string, hint?: string): void;
  /** Whether the text at `path` came from a variable, and may stand for a number or a boolean. */
  refers(path: Path): boolean;
}
