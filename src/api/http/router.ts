import { OpenAPIHono } from '@hono/zod-openapi';
import { invalid } from './problem.ts';

/**
 * Returns an empty router that checks requests against their schemas; a request that does not fit is answered with 422.
 */
export function newRouter(): OpenAPIHono {
  return new OpenAPIHono({
    defaultHook: (result) => {
      if (result.success) return;
      const errors = result.error.issues.map((issue) => ({
        path: issue.path.map(String).join('.'),
        message: issue.message,
      }));
      throw invalid(
        `The request's ${places[result.target] ?? result.target} does not fit.`,
        errors,
      );
    },
  });
}

const places: Readonly<Record<string, string>> = {
  json: 'body',
  param: 'path',
};
