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
