import type { MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { ApiProblem } from './problem.ts';

const maxBytes = 1024 * 1024;

/** Refuses bodies of more than 1 MiB with 413. */
export function limitBody(): MiddlewareHandler {
  return bodyLimit({
    maxSize: maxBytes,
    onError: () => {
      throw new ApiProblem(413, 'too_large', 'Too large', 'A body may have at most 1 MiB.');
    },
  });
}

/** Refuses with 415 a body that does not say it is JSON; otherwise such a body would be silently ignored. */
export function requireJson(): MiddlewareHandler {
  return async (c, next) => {
    const type = c.req.header('Content-Type');
    if (c.req.header('Content-Length') === '0') {
      // An empty body: many clients declare it as JSON nevertheless.
      c.req.raw.headers.delete('Content-Type');
    } else if (hasBody(c.req.header()) && !isJson(type)) {
      throw new ApiProblem(
        415,
        'not_json',
        'Unsupported media type',
        'The body must be JSON: send it with Content-Type: application/json.',
      );
    }
    await next();
  };
}

function hasBody(headers: Record<string, string>): boolean {
  return ['content-type', 'content-length', 'transfer-encoding'].some((name) => name in headers);
}

function isJson(type: string | undefined): boolean {
  return /^application\/([\w.-]+\+)?json\s*(;|$)/i.test(type ?? '');
}
