import type { Context, ErrorHandler } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { LimitedError, SluiceError, type FailureClass } from '../../model/failure.ts';
import { ApiProblem } from './problem.ts';

/**
 * Answers every error with a problem.
 * @param report called with unforeseen errors, to log them
 */
export function errorHandler(report: (error: unknown) => void): ErrorHandler {
  return (error, c) => {
    const problem = problemOf(error);
    if (problem.status === 500) report(error);
    return sendProblem(c, problem);
  };
}

/** Sends `problem` as `application/problem+json`. */
export function sendProblem(c: Context, problem: ApiProblem): Response {
  const { retryAfter, ...members } = problem.members;
  if (typeof retryAfter === 'number') c.header('Retry-After', String(retryAfter));
  if (problem.status === 401) c.header('WWW-Authenticate', 'Bearer realm="sluice"');
  const body = {
    ...members,
    type: 'about:blank',
    title: problem.title,
    status: problem.status,
    detail: problem.detail,
    instance: c.req.path,
    code: problem.code,
  };
  c.header('Content-Type', 'application/problem+json');
  return c.body(JSON.stringify(body), problem.status as ContentfulStatusCode);
}

function problemOf(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  if (error instanceof SluiceError) return fromFailure(error);
  if (error instanceof HTTPException) return fromHttp(error);
  return new ApiProblem(
    500,
    'internal',
    'Internal error',
    'Something went wrong that should not have; the log of the server says what.',
  );
}

function fromFailure(error: SluiceError): ApiProblem {
  const members = error.connection === undefined ? {} : { connection: error.connection };
  const { status, title } = answers[error.class];
  return new ApiProblem(status, error.code, title, error.message, {
    ...members,
    ...waitOf(error),
  });
}

const answers: Readonly<Record<FailureClass, { status: number; title: string }>> = {
  config: { status: 422, title: 'Cannot be done as it is' },
  limited: { status: 503, title: 'Rate limited' },
  transient: { status: 503, title: 'Unavailable for now' },
  bug: { status: 500, title: 'Internal error' },
};

function waitOf(error: SluiceError): { retryAfter?: number } {
  if (!(error instanceof LimitedError) || error.retryAfterMs === undefined) return {};
  return { retryAfter: Math.ceil(error.retryAfterMs / 1000) };
}

function fromHttp(error: HTTPException): ApiProblem {
  if (error.status === 400) {
    return new ApiProblem(400, 'malformed', 'Malformed request', 'The body is not valid JSON.');
  }
  return new ApiProblem(error.status, 'http', 'Request refused', error.message);
}
