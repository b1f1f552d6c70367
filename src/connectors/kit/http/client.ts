import { withTimeLimit } from '../../../model/abort.ts';
import { ConfigError, SluiceError } from '../../../model/failure.ts';
import type { Json } from '../../../model/json.ts';
import type { Calls } from '../../contract/calls.ts';
import { noMemory, type Memory } from '../../contract/memory.ts';
import { parseJson, stringifyJson } from '../json.ts';
import type { LimitInfo } from '../../../model/quota.ts';
import type { WriteOperation } from '../../contract/records.ts';
import { EncodedBody } from './body.ts';
import type { Answer, Call } from './call.ts';
import { Echo } from './echo.ts';
import { networkFailure, refusedCredentials, statusFailure, unexpected } from './failures.ts';
import { limitsOf, type LimitsOf } from './limits.ts';
import { readText } from './read-text.ts';
import { AccessTokens } from '../auth/access-tokens.ts';
import { secretsOf, type Auth } from '../auth/auth.ts';
import type { AccessToken } from '../auth/token-address.ts';
import { whenSent } from './when-sent.ts';

/** The address, credentials and habits of a client. */
export interface ClientOptions {
  /** The connection's id, for error messages. */
  readonly connection: string;
  /** Base address: every path is added to it, and no call leaves its origin, or that of `OAuth2.address`. */
  readonly url: string;
  /** Longest that a call may take. Milliseconds. */
  readonly timeoutMs: number;
  /** Headers of every call. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Default: calls prove nothing. */
  readonly auth?: Auth | undefined;
  /** What answers say of limits beyond the standard headers. */
  readonly limits?: LimitsOf | undefined;
  /** Keeps refresh tokens that rotate: `ConnectContext.memory`. Default: nothing can be kept. */
  readonly memory?: Memory | undefined;
  /**
   * True of an answer that refuses the access token in a way of its own, beside status 401. It must have had no effect: the
   * call is made once more with a new token.
   *
   * ```ts
   * // Marketo answers 200 with the code 601 (invalid) or 602 (expired).
   * const refusesToken = ({ body }) => ['601', '602'].includes(at(body, 'errors.0.code'));
   * ```
   */
  readonly refusesToken?: ((answer: Answer) => boolean) | undefined;
}

/**
 * Makes the calls of one connection: address, credentials, time-outs, quota, classing of failures.
 *
 * ```ts
 * const client = new HttpClient({ connection, url: 'https://api.example.com/v2', timeoutMs: 30_000, auth });
 * const { status, body } = await client.request({ method: 'GET', path: '/me', label: '/me' }, calls);
 * ```
 */
export class HttpClient {
  readonly connection: string;
  readonly #options: ClientOptions;
  readonly #timeoutMs: number;
  readonly #tokens: AccessTokens | undefined;
  /** The texts by which calls prove who calls: no message repeats them. */
  readonly #secrets: Set<string>;
  readonly #closing = new AbortController();
  /** The base address, without a slash at its end. */
  #base: string;

  constructor(options: ClientOptions) {
    this.connection = options.connection;
    this.#options = options;
    this.#timeoutMs = options.timeoutMs;
    this.#base = baseOf(options.url, undefined);
    const { auth, headers = {}, memory = noMemory } = options;
    this.#secrets = new Set([...secretsOf(auth), ...Object.values(headers)]);
    if (auth?.type === 'oauth2')
      this.#tokens = new AccessTokens(auth, options.connection, this.#timeoutMs, memory);
  }

  /**
   * Makes a call once; again only with a fresh token after one that was refused.
   * @throws TransientError, LimitedError, ConfigError; the reason of a signal that was aborted
   */
  async request(call: Call, calls: Calls): Promise<Answer> {
    const token = await this.#tokens?.get(calls);
    let { answer, limits } = await this.#attempt(call, calls, token);
    if (this.#tokens && this.#refusesToken(answer)) {
      const renewed = await this.#tokens.get(calls, token?.value);
      ({ answer, limits } = await this.#attempt(call, calls, renewed));
    }
    const { connection } = this;
    const repeatable = isRepeatable(call, calls);
    const failure = statusFailure(answer.status, limits, call, connection, repeatable);
    if (failure) throw failure;
    if (this.#refusesToken(answer)) throw refusedCredentials(call, answer.status, this.connection);
    return answer;
  }

  #refusesToken(answer: Answer): boolean {
    return answer.status === 401 || this.#options.refusesToken?.(answer) === true;
  }

  /** Aborted when the connection is closed. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  close(): void {
    this.#closing.abort();
  }

  /** Finds in answers what these operations, and the call itself, have sent. */
  echo(operations: readonly WriteOperation[]): Echo {
    return new Echo(operations, [...this.#secrets]);
  }

  /** A page's address as the next call's path, without the credentials that the API may have put into it. */
  nextAddress(link: string, from: Call): string {
    const base = this.#address(from);
    const next = URL.canParse(link, base.href) ? new URL(link, base) : undefined;
    if (next?.origin !== base.origin)
      throw unexpected(from, 'the link to the next page leaves the origin', this.connection);
    if (this.#options.auth?.type === 'query') next.searchParams.delete(this.#options.auth.name);
    next.username = '';
    next.password = '';
    return next.href;
  }

  async #attempt(
    call: Call,
    calls: Calls,
    token: AccessToken | undefined,
  ): Promise<{ answer: Answer; limits: LimitInfo }> {
    const { bucket = 'default', effect = true } = call;
    const repeatable = isRepeatable(call, calls);
    return calls.make(
      async ({ signal, sent }) => {
        this.#base = baseOf(this.#options.url, token?.address);
        const address = this.#address(call);
        const headers = this.#headers(call, token?.value);
        const send = () => this.#send(call, address, headers, signal);
        const answer = await whenSent(sent, send).catch((error: unknown) => {
          if (error instanceof SluiceError) throw error;
          throw networkFailure(error, call, this.connection, signal, repeatable);
        });
        const standard = limitsOf(answer.status, answer.headers, Date.now());
        const limits = { ...standard, ...this.#options.limits?.(answer) };
        // A 503 may have come before the effect or after it: nobody knows.
        if (answer.status === 503 && !repeatable) limits.limited = false;
        return { value: { answer, limits }, limits };
      },
      { bucket, effect },
    );
  }

  #send(call: Call, address: URL, sent: Headers, signal: AbortSignal): Promise<Answer> {
    return withTimeLimit(this.#timeoutMs, signal, async (cut) => {
      const response = await fetch(address, {
        method: call.method,
        headers: sent,
        ...(call.body !== undefined && { body: contentOf(call.body) }),
        // A redirect would carry the credentials elsewhere, and turn a POST into a GET.
        redirect: 'manual',
        signal: cut,
      });
      const text = await readText(response, this.connection);
      const { status, headers } = response;
      const isText = call.answer === 'text' && response.ok;
      return {
        status,
        headers,
        body: isText ? undefined : parsed(text ?? ''),
        ...(isText && text !== null && { text }),
        garbled: text === null,
        size: text?.length ?? 0,
      };
    });
  }

  #address(call: Call): URL {
    const { auth } = this.#options;
    const whole = /^https?:/i.test(call.path);
    const base = this.#base;
    const address = new URL(whole ? call.path : `${base}/${call.path.replace(/^\//, '')}`);
    if (address.origin !== new URL(base).origin)
      throw unexpected(call, 'the address leaves the origin', this.connection);
    for (const [name, value] of call.params ?? []) address.searchParams.append(name, value);
    if (auth?.type === 'query') address.searchParams.set(auth.name, auth.value);
    return address;
  }

  #headers(call: Call, token: string | undefined): Headers {
    try {
      return this.#headersOf(call, token);
    } catch {
      // The platform's message quotes the value.
      const message = 'a header or credential holds characters that no header may hold';
      throw new ConfigError('credentials', message, { connection: this.connection });
    }
  }

  #headersOf(call: Call, token: string | undefined): Headers {
    const accept = call.answer === 'text' ? '*/*' : 'application/json';
    const headers = new Headers({ accept, ...this.#options.headers });
    const contentType = contentTypeOf(call.body);
    if (contentType !== undefined) headers.set('content-type', contentType);
    for (const [name, value] of Object.entries(call.headers ?? {})) headers.set(name, value);
    const { auth } = this.#options;
    if (auth?.type === 'bearer') headers.set('authorization', `Bearer ${auth.token}`);
    if (auth?.type === 'basic') {
      const pair = Buffer.from(`${auth.username}:${auth.password}`).toString('base64');
      this.#secrets.add(pair);
      headers.set('authorization', `Basic ${pair}`);
    }
    if (auth?.type === 'header') headers.set(auth.name, auth.value);
    if (token !== undefined) {
      this.#secrets.add(token);
      headers.set('authorization', `Bearer ${token}`);
    }
    return headers;
  }
}

function isRepeatable({ effect }: Call, calls: Calls): boolean {
  return calls.repeatable || effect === false;
}

function contentOf(body: Json | EncodedBody): string | FormData {
  return body instanceof EncodedBody ? body.content : stringifyJson(body);
}

function contentTypeOf(body: Json | EncodedBody | undefined): string | undefined {
  if (body === undefined) return undefined;
  return body instanceof EncodedBody ? body.contentType : 'application/json';
}

/** The base address of calls. @param instead takes the place of the origin */
function baseOf(url: string, instead: string | undefined): string {
  const { origin, pathname } = new URL(url);
  return `${instead?.replace(/\/+$/, '') ?? origin}${pathname}`.replace(/\/+$/, '');
}

function parsed(text: string): Json | undefined {
  if (text.trim() === '') return undefined;
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}
