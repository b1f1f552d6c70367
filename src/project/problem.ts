/** One problem of a project file, with its place. */
export interface Problem {
  /** The place in the file's structure, such as `syncs.customers.mode`; empty for the file as a whole. */
  readonly path: string;
  /** The line, counted from 1. */
  readonly line: number;
  /** The column, counted from 1. */
  readonly column: number;
  /** The problem's text. It never holds the value of an environment variable. */
  readonly message: string;
  /** The name that was probably meant, or what to do. */
  readonly hint?: string;
}

/** A project file that cannot be used, with everything that is wrong with it. */
export class ProjectError extends Error {
  readonly file: string;
  readonly problems: readonly Problem[];

  constructor(file: string, problems: readonly Problem[]) {
    super(problems.map((problem) => formatProblem(file, problem)).join('\n'));
    this.name = 'ProjectError';
    this.file = file;
    this.problems = problems;
  }
}

/** Formats a problem as compilers do: `file:line:column path: message`, with the hint on its own line. */
export function formatProblem(file: string, problem: Problem): string {
  const subject = problem.path === '' ? '' : ` ${problem.path}:`;
  const hint = problem.hint === undefined ? '' : `\n    ${problem.hint}`;
  return `${file}:${problem.line}:${problem.column}${subject} ${problem.message}${hint}`;
}
