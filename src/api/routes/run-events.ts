import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { streamSSE, type SSEStreamingApi } from 'hono/streaming';
import { SluiceError } from '../../model/failure.ts';
import { isOver, type Run } from '../../model/run.ts';
import { idParams } from '../http/parameters.ts';
import { notFound } from '../http/problem.ts';
import { problems } from '../http/responses.ts';
import { newRouter } from '../http/router.ts';
import { runView } from '../views/run-view.ts';
import type { RunService, Services } from '../services.ts';

/** The pause between two reads of a run, in milliseconds: short while it is young, because its end may come soon. */
const [shortestMs, longestMs] = [50, 500];
const keepAliveMs = 15_000;
/** After this long without news the workflow is asked too, because it may be gone. Milliseconds. */
const askMs = 10_000;

const events = createRoute({
  method: 'get',
  path: '/v1/runs/{id}/events',
  tags: ['runs'],
  summary: 'Follow a run until it ends',
  description:
    'Event `run` holds the run whenever it changed; the last event is `end`, with the run as it ended.',
  request: { params: idParams },
  responses: {
    200: {
      description: 'Server-sent events.',
      content: { 'text/event-stream': { schema: z.string() } },
    },
    ...problems(404),
  },
});

/** `/v1/runs/{id}/events`. */
export function runEventRoutes({ runs }: Pick<Services, 'runs'>): OpenAPIHono {
  const router = newRouter();
  router.openapi(events, async (c) => {
    const { id } = c.req.valid('param');
    const run = await runs.get(id);
    if (run === null) throw notFound('run', id);
    // Proxies that buffer would hold back the events.
    c.header('X-Accel-Buffering', 'no');
    return streamSSE(c, (stream) => follow(stream, runs, run), closeQuietly);
  });
  return router;
}

async function follow(stream: SSEStreamingApi, runs: RunService, first: Run): Promise<void> {
  let run = first;
  let children: readonly Run[] = [];
  let sent = '';
  let quietMs = 0;
  let watchedMs = 0;
  let id = 0;
  while (!stream.aborted) {
    const { id: asked } = run;
    children = (await unlessUnavailable(() => runs.children([run]))) ?? children;
    const data = JSON.stringify(runView(run, children));
    if (data !== sent) {
      await stream.writeSSE({ event: 'run', id: String(++id), data });
      sent = data;
      quietMs = 0;
    } else if (quietMs >= keepAliveMs) {
      await stream.write(': keep-alive\n\n');
      quietMs = 0;
    }
    if (isOver(run.status)) {
      await stream.writeSSE({ event: 'end', id: String(++id), data });
      return;
    }
    const pauseMs = Math.min(longestMs, shortestMs + watchedMs / 20);
    await stream.sleep(pauseMs);
    watchedMs += pauseMs;
    quietMs += pauseMs;
    const isDue = quietMs % askMs < pauseMs;
    run = (await unlessUnavailable(() => (isDue ? runs.get(asked) : runs.getStored(asked)))) ?? run;
  }
}

/** Returns the result of `ask`; null when a system that it needs does not answer at the moment. */
async function unlessUnavailable<T>(ask: () => Promise<T>): Promise<T | null> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof SluiceError && error.class !== 'bug') return null;
    throw error;
  }
}

// The status is sent already: all that is left is to close the stream, and the client asks again.
async function closeQuietly(): Promise<void> {}
