/** An answer of the API that is not a success; `message` is the text to show. */
export class ApiError extends Error {
  /** The HTTP status; 0 when the server did not answer. */
  readonly status: number;
  /** The problem's stable name, such as `run_open`; `unreachable` when the server did not answer. */
  readonly code: string;
  readonly detail: string;
  /** For 409: the id of the open run that is in the way. */
  readonly run: string | undefined;
  /** For 422: the problems, each with its place. */
  readonly errors: readonly { readonly path: string; readonly message: string }[];

  constructor(
    status: number,
    code: string,
    detail: string,
    more: { run?: string | undefined; errors?: ApiError['errors']; cause?: unknown } = {},
  ) {
    super(messageOf(detail, more.errors), { cause: more.cause });
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
    this.detail = detail;
    this.run = more.run;
    this.errors = more.errors ?? [];
  }
}

function messageOf(detail: string, errors: ApiError['errors'] = []): string {
  const lines = errors.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`));
  return [detail, ...lines].join('\n  ');
}

/** Returns the error for an answer that is not a success. */
export async function apiErrorOf(response: Response): Promise<ApiError> {
  const problem = await problemOf(response);
  return new ApiError(
    response.status,
    problem.code ?? 'http',
    problem.detail ?? `The server answered with ${response.status}.`,
    problem,
  );
}

interface Problem {
  readonly code?: string;
  readonly detail?: string;
  readonly run?: string;
  readonly errors?: ApiError['errors'];
}

async function problemOf(response: Response): Promise<Problem> {
  const type = response.headers.get('content-type') ?? '';
  const text = await response.text();
  // A proxy in between may answer with a page of its own.
  return type.startsWith('application/problem+json') ? (JSON.parse(text) as Problem) : {};
}
