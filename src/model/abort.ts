import { setMaxListeners } from 'node:events';

/**
 * A signal that is aborted with either of two, for as long as any of them may be. Node 20's `AbortSignal.any` may be
 * collected as garbage while it is waited for, and never fire (nodejs/node#54614).
 */
export function abortedByEither(a: AbortSignal, b: AbortSignal): AbortSignal {
  const controller = new AbortController();
  for (const signal of [a, b]) follow(controller, signal);
  return controller.signal;
}

/**
 * Does work that may take so long, and is cut by a signal.
 * @param ms after these milliseconds the signal that `work` is given is aborted with a `TimeoutError`
 */
export async function withTimeLimit<T>(
  ms: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const late = (): void => controller.abort(new DOMException('it took too long', 'TimeoutError'));
  const timer = setTimeout(late, ms);
  const unfollow = follow(controller, signal);
  try {
    return await work(controller.signal);
  } finally {
    clearTimeout(timer);
    unfollow();
  }
}

/**
 * Aborts `ms` after `signal` does: for calls whose outcome is worth waiting for when the work is stopped.
 * @param signal the work's own
 */
export function abortedLater(signal: AbortSignal, ms: number): AbortSignal {
  const late = new AbortController();
  const wait = (): void => void setTimeout(() => late.abort(signal.reason), ms).unref();
  if (signal.aborted) wait();
  else signal.addEventListener('abort', wait, { once: true });
  return late.signal;
}

/** Aborts a controller with a signal; returns what ends that. */
function follow(controller: AbortController, signal: AbortSignal): () => void {
  const abort = (): void => controller.abort(signal.reason);
  if (signal.aborted) abort();
  // Hundreds of calls may be under way at once.
  else {
    setMaxListeners(0, signal);
    signal.addEventListener('abort', abort, { once: true });
  }
  return () => signal.removeEventListener('abort', abort);
}
