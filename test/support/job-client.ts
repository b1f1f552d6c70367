import { ConfigError, TransientError, type Answered, type CallOptions, type Calls } from 'sluice';

/** Where a job system is, and who calls. */
interface Address {
  readonly url: string;
  readonly token: string;
  /** The connection's id, for error messages. */
  readonly connection: string;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Calls a job system by plain `fetch`; each request is one call. */
export class JobClient {
  readonly #address: Address;

  constructor(address: Address) {
    this.#address = address;
  }

  get<T>(calls: Calls, path: string): Promise<T> {
    return this.send(calls, 'GET', path);
  }

  /** Null where there is no such thing. */
  async find<T>(calls: Calls, path: string): Promise<T | null> {
    const answer = await this.#call(calls, 'GET', path);
    return answer.status === 404 ? null : (this.#read(answer) as T);
  }

  /** @throws TransientError, ConfigError */
  async send<T>(calls: Calls, method: string, path: string, body?: unknown): Promise<T> {
    return this.#read(await this.#call(calls, method, path, body)) as T;
  }

  /** Sends what has no effect of its own: a later call starts what it prepares. @throws TransientError, ConfigError */
  async prepare<T>(calls: Calls, method: string, path: string, body: unknown): Promise<T> {
    return this.#read(await this.#call(calls, method, path, body, { effect: false })) as T;
  }

  #call(
    calls: Calls,
    method: string,
    path: string,
    body?: unknown,
    options?: CallOptions,
  ): Promise<Answer> {
    const { url, token, connection } = this.#address;
    return calls.make(async ({ signal }): Promise<Answered<Answer>> => {
      try {
        const response = await fetch(`${url}/${path}`, {
          method,
          signal,
          headers: { authorization: `Bearer ${token}` },
          ...(body !== undefined && { body: JSON.stringify(body) }),
        });
        const value = { status: response.status, text: await response.text() };
        if (response.status !== 429) return { value };
        const seconds = Number(response.headers.get('retry-after') ?? 1);
        return { value, limits: { limited: true, retryAfterMs: seconds * 1000 } };
      } catch {
        signal.throwIfAborted();
        // What `fetch` throws shows the address: nothing of it is passed on.
        throw new TransientError('connection', `${connection}: no answer came`, { connection });
      }
    }, options);
  }

  #read({ status, text }: Answer): unknown {
    const { connection } = this.#address;
    if (status < 300) return text === '' ? null : JSON.parse(text);
    if (status === 401)
      throw new ConfigError('credentials', `${connection}: the token is refused`, { connection });
    const message = `${connection}: the system answered ${status}`;
    if (status >= 500) throw new TransientError('server_error', message, { connection });
    throw new ConfigError('refused', message, { connection });
  }
}
