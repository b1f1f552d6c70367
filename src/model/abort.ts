import { setMaxListeners } from 'node:events';

/**
 * Returns a signal that is aborted with either of two others. Node 20's `AbortSignal.any` may be
 * collected as garbage while it is waited for, and never fire (nodejs/node#54614).
 */
export function abortedByEither(a: AbortSignal, b: AbortSignal): AbortSignal {
  const controller = new AbortController();
  for (const signal of [a, b]) follow(controller, signal);
  return controller.signal;
}

/**
 * Does work with a time limit.
 * @param ms the limit: after these milliseconds the signal that `work` gets is aborted with a `TimeoutError`
 * @param signal aborts the work's signal too
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
 * Returns a signal that is aborted `ms` milliseconds after `signal`. It is for calls whose outcome is worth a wait when
 * the work is stopped.
 */
export function abortedLater(signal: AbortSignal, ms: number): AbortSignal {
  const late = new AbortController();
  const wait = (): void => void setTimeout(() => late.abort(signal.reason), ms).unref();
  if (signal.aborted) wait();
  else signal.addEventListener('abort', wait, { once: true });
  return late.signal;
}

/** Aborts a controller when a signal is aborted. Returns a function that ends this. */
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
