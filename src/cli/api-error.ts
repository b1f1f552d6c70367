/** An answer of the API that is not a success; `message` says what to show. */
export class ApiError extends Error {
  /** The HTTP status; 0 where the server did not answer. */
  readonly status: number;
  /** The problem's stable name, such as `run_open`; `unreachable` where the server did not answer. */
  readonly code: string;
  readonly detail: string;
  /** 409: the open run that is in the way. */
  readonly run: string | undefined;
  /** 422: what does not fit, and where. */
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

/** The error that an answer which is not a success stands for. */
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
