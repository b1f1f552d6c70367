import type { Run } from '../../model/run.ts';

/** Members of a problem beyond status, code, title and detail. */
export type ProblemMembers = Readonly<Record<string, unknown>>;

/** An answer that is not a success, sent as an RFC 9457 problem. Its texts are safe to show (R1). */
export class ApiProblem extends Error {
  readonly status: number;
  /** A stable name of the problem for programs, such as `not_found`. */
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  /** Further members of the problem's JSON. */
  readonly members: ProblemMembers;

  constructor(
    status: number,
    code: string,
    title: string,
    detail: string,
    members: ProblemMembers = {},
  ) {
    super(detail);
    this.name = 'ApiProblem';
    this.status = status;
    this.code = code;
    this.title = title;
    this.detail = detail;
    this.members = members;
  }
}

/**
 * Returns a 404: there is no such thing.
 * @param what the kind of thing, such as `sync`
 */
export function notFound(what: string, id: string): ApiProblem {
  return new ApiProblem(404, 'not_found', 'Not found', `There is no ${what} "${id}".`);
}

/** Returns a 409: the request does not fit the present state. */
export function conflict(code: string, detail: string, members: ProblemMembers = {}): ApiProblem {
  return new ApiProblem(409, code, 'Conflict', detail, members);
}

/** Returns a 409: the sync has an open run, whose id is the problem's `run`. */
export function runIsOpen(sync: string, run: string | null): ApiProblem {
  const name = run === null ? '' : ` "${run}"`;
  return conflict('run_open', `Sync "${sync}" has an open run${name}.`, { run });
}

/** Returns a 409: the entity has an open cycle, whose run is the problem's `run`. */
export function cycleIsOpen(entity: string, run: string | null): ApiProblem {
  const name = run === null ? '' : ` "${run}"`;
  return conflict('run_open', `Entity "${entity}" has an open cycle${name}.`, { run });
}

/** Returns a 409: the run is over and can no longer be steered. */
export function runIsOver({ id, status }: Pick<Run, 'id' | 'status'>): ApiProblem {
  return conflict('run_over', `Run "${id}" is over: ${status}.`);
}

/** Returns a 422: the request is well formed but does not fit. */
export function invalid(detail: string, errors: readonly FieldIssue[]): ApiProblem {
  return new ApiProblem(422, 'invalid', 'Invalid request', detail, { errors });
}

/** A problem at one place of a request. */
export interface FieldIssue {
  /** The place, such as `source.key`; empty for the whole request. */
  readonly path: string;
  readonly message: string;
}
