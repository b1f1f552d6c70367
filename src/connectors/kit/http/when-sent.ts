import { AsyncLocalStorage } from 'node:async_hooks';
import { channel } from 'node:diagnostics_channel';

// Only the client beneath `fetch` knows when a request leaves: it may have to make a connection first.
// https://github.com/nodejs/undici/blob/main/docs/docs/api/DiagnosticsChannel.md
const making = new AsyncLocalStorage<() => void>();
const waiting = new WeakMap<object, () => void>();

channel('undici:request:create').subscribe((message) => {
  const sent = making.getStore();
  if (sent !== undefined) waiting.set(requestOf(message), sent);
});

channel('undici:client:sendHeaders').subscribe((message) => {
  waiting.get(requestOf(message))?.();
});

/** Makes requests by `fetch`; `sent` is told as each of them leaves. */
export function whenSent<T>(sent: () => void, make: () => Promise<T>): Promise<T> {
  return making.run(sent, make);
}

function requestOf(message: unknown): object {
  return (message as { readonly request: object }).request;
}
