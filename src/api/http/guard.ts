import { createHash, timingSafeEqual } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import { ApiProblem } from './problem.ts';

// Health probes have no token, and a browser cannot send one with a page. The reference pages hold no user data.
const open = /^\/(healthz|readyz|openapi\.json|docs(\/.*)?)?$/;
const health = /^\/(healthz|readyz)$/;

/** Requires `Authorization: Bearer <token>` for every call except health and reference. */
export function requireToken(token: string): MiddlewareHandler {
  const expected = digest(token);
  return async (c, next) => {
    if (!open.test(c.req.path)) {
      const given = /^Bearer +(\S+) *$/i.exec(c.req.header('Authorization') ?? '')?.[1];
      // Digests have equal length, so the comparison takes the same time for every token.
      if (given === undefined || !timingSafeEqual(digest(given), expected)) {
        throw new ApiProblem(
          401,
          'unauthorized',
          'Unauthorized',
          given === undefined ? 'A bearer token is required.' : 'The bearer token is wrong.',
        );
      }
    }
    await next();
  };
}

/**
 * Lets in only callers that address this machine by a loopback name, and pages served from one. Otherwise a page of
 * another site could reach a server without a token by DNS rebinding.
 */
export function requireLoopback(): MiddlewareHandler {
  return async (c, next) => {
    if (!health.test(c.req.path)) {
      const host = c.req.header('Host') ?? new URL(c.req.url).host;
      if (!isLoopback(host)) throw forbidden('Host', host);
      const origin = c.req.header('Origin');
      if (origin !== undefined && !isLoopback(origin.replace(/^https?:\/\//, ''))) {
        throw forbidden('Origin', origin);
      }
    }
    await next();
  };
}

function isLoopback(host: string): boolean {
  return /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i.test(host);
}

function forbidden(header: string, value: string): ApiProblem {
  return new ApiProblem(
    403,
    'forbidden',
    'Forbidden',
    `Without a token only this machine may call; ${header} is "${value}".`,
  );
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
