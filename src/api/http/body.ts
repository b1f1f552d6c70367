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

/** Refuses bodies that don't say they are JSON with 415: without this they would be passed over in silence. */
export function requireJson(): MiddlewareHandler {
  return async (c, next) => {
    const type = c.req.header('Content-Type');
    if (c.req.header('Content-Length') === '0') {
      // No body: many clients say that it is JSON all the same.
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
