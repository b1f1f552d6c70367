import { setTimeout as sleep } from 'node:timers/promises';
import type { RunView } from '../api/views/run-view.ts';
import { isOver } from '../model/run.ts';
import { ApiError } from './api-error.ts';
import { serverEvents } from './server-events.ts';

const retryMs = 1000;
const attempts = 30;

/**
 * Yields the run whenever it changed, and last as it ended. Reconnects after a lost connection.
 * @param open requests the run's server-sent events
 * @throws ApiError when the server refuses, or has not answered for half a minute
 */
export async function* followEvents(
  open: () => Promise<Response>,
  signal?: AbortSignal,
): AsyncGenerator<RunView> {
  let left = attempts;
  for (;;) {
    try {
      for await (const run of eventsOf(open)) {
        left = attempts;
        yield run;
        if (isOver(run.status)) return;
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (!mayPass(error) || --left <= 0) throw error;
    }
    await sleep(retryMs, undefined, signal && { signal });
  }
}

async function* eventsOf(open: () => Promise<Response>): AsyncGenerator<RunView> {
  const { body } = await open();
  if (body === null) return;
  for await (const { event, data } of serverEvents(body)) {
    if (event === 'run') yield JSON.parse(data) as RunView;
  }
}

/** True for a dropped connection, a server that restarts, or one that lacks a part at the moment. */
function mayPass(error: unknown): boolean {
  return !(error instanceof ApiError) || error.status === 0 || error.status >= 500;
}
