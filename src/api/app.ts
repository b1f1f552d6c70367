import type { OpenAPIHono } from '@hono/zod-openapi';
import { limitBody, requireJson } from './http/body.ts';
import { connectionRoutes } from './routes/connections.ts';
import { docsRoutes } from './routes/docs.ts';
import { entityRoutes } from './routes/entities.ts';
import { errorHandler, sendProblem } from './http/error-handler.ts';
import { requireLoopback, requireToken } from './http/guard.ts';
import { healthRoutes } from './routes/health.ts';
import { ApiProblem } from './http/problem.ts';
import { newRouter } from './http/router.ts';
import { runEventRoutes } from './routes/run-events.ts';
import { runRoutes } from './routes/runs.ts';
import type { Services } from './services.ts';
import { syncRoutes } from './routes/syncs.ts';

/** Options for serving the API. */
export interface ApiOptions {
  /** The token that every call must bring as a bearer token. Required unless `loopback`. */
  readonly token?: string;
  /** True when the server listens only on a loopback address. */
  readonly loopback: boolean;
  /** The folder of the npm package `swagger-ui-dist`, for the reference page. */
  readonly docsDir: string;
  /** Sluice's version, shown in the OpenAPI document. */
  readonly version: string;
  /** Called with unforeseen errors, which are answered with 500. Default: does nothing. */
  readonly report?: (error: unknown) => void;
}

/**
 * Creates the HTTP API (DESIGN section 7).
 * @throws Error when there is no token and others can reach the server
 */
export function createApp(services: Services, options: ApiOptions): OpenAPIHono {
  const app = newRouter();
  app.onError(errorHandler(options.report ?? (() => {})));
  app.notFound((c) => {
    const detail = `There is no ${c.req.method} ${c.req.path}.`;
    return sendProblem(c, new ApiProblem(404, 'not_found', 'Not found', detail));
  });
  app.use(guard(options), limitBody());
  app.use('/v1/*', requireJson());
  app.route('/', healthRoutes(services));
  app.route('/', syncRoutes(services));
  app.route('/', connectionRoutes(services));
  app.route('/', entityRoutes(services));
  app.route('/', runRoutes(services));
  app.route('/', runEventRoutes(services));
  addDocument(app, options);
  app.route('/', docsRoutes(options.docsDir));
  return app;
}

function guard(options: ApiOptions) {
  if (options.token !== undefined && options.token !== '') return requireToken(options.token);
  if (options.loopback) return requireLoopback();
  throw new Error('An API that others can reach needs a token.');
}

function addDocument(app: OpenAPIHono, options: ApiOptions): void {
  app.openAPIRegistry.registerComponent('securitySchemes', 'token', {
    type: 'http',
    scheme: 'bearer',
  });
  app.doc31('/openapi.json', {
    openapi: '3.1.0',
    info: {
      title: 'Sluice',
      version: options.version,
      description: 'Moves records between systems, and keeps them right.',
    },
    security: options.token === undefined ? [] : [{ token: [] }],
  });
}
