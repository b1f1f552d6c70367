import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { newRouter } from '../http/router.ts';
import { json } from '../http/responses.ts';
import type { Services } from '../services.ts';

const part = z.boolean();
const readinessSchema = z
  .object({ ready: part, temporal: part, database: part, worker: part })
  .openapi('Readiness');

const healthz = createRoute({
  method: 'get',
  path: '/healthz',
  tags: ['health'],
  summary: 'Is the server alive?',
  security: [],
  responses: { 200: json('Alive.', z.object({ status: z.literal('ok') })) },
});

const readyz = createRoute({
  method: 'get',
  path: '/readyz',
  tags: ['health'],
  summary: 'Do Temporal, the database and a worker answer?',
  security: [],
  responses: {
    200: json('All answer.', readinessSchema),
    503: json('Not all answer.', readinessSchema),
  },
});

/** `/healthz` and `/readyz`. */
export function healthRoutes(services: Services): OpenAPIHono {
  const router = newRouter();
  router.openapi(healthz, (c) => c.json({ status: 'ok' as const }, 200));
  router.openapi(readyz, async (c) => {
    const { temporal, database, worker } = await services.ready();
    const ready = temporal && database && worker;
    return c.json({ ready, temporal, database, worker }, ready ? 200 : 503);
  });
  return router;
}
