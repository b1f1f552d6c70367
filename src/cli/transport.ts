import { ApiError, apiErrorOf } from './api-error.ts';

/** One call. Its path begins with `/`; `undefined` query members are left out. */
export interface Call {
  readonly method?: 'GET' | 'PUT' | 'POST' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes calls.
 * @throws ApiError for every answer that is not a success, and when there is no answer
 */
export type Transport = (call: Call) => Promise<Response>;

/** Returns a function that makes calls to the server at `url`. */
export function createTransport(url: string, token?: string): Transport {
  return async (call) => {
    const target = new URL(url.replace(/\/+$/, '') + call.path);
    for (const [name, value] of Object.entries(call.query ?? {})) {
      if (value !== undefined) target.searchParams.set(name, String(value));
    }
    const headers = new Headers();
    if (token !== undefined) headers.set('Authorization', `Bearer ${token}`);
    if (call.body !== undefined) headers.set('Content-Type', 'application/json');
    const response = await fetch(target, {
      method: call.method ?? 'GET',
      headers,
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      ...(call.signal === undefined ? {} : { signal: call.signal }),
    }).catch((error: unknown) => {
      call.signal?.throwIfAborted();
      const detail = `The server at ${target.origin} does not answer.`;
      throw new ApiError(0, 'unreachable', detail, { cause: error });
    });
    if (!response.ok) throw await apiErrorOf(response);
    return response;
  };
}
