import { withTimeLimit } from '../../../model/abort.ts';
import { at } from '../paths.ts';
import { parseJson } from '../json.ts';
import { ConfigError } from '../../../model/failure.ts';
import type { Json } from '../../../model/json.ts';
import type { Calls } from '../../contract/calls.ts';
import { networkFailure, statusFailure } from '../http/failures.ts';
import { limitsOf } from '../http/limits.ts';
import type { ClientCredentials } from './auth.ts';
import { whenSent } from '../http/when-sent.ts';

/** An access token of the client-credentials grant, kept until shortly before it expires. */
export class TokenCache {
  readonly #settings: ClientCredentials;
  readonly #connection: string;
  readonly #timeoutMs: number;
  #token: { readonly value: Promise<string>; expires: number } | undefined;

  constructor(settings: ClientCredentials, connection: string, timeoutMs: number) {
    this.#settings = settings;
    this.#connection = connection;
    this.#timeoutMs = timeoutMs;
  }

  /** The token; `refused` is one that the API no longer takes. */
  async get(calls: Calls, refused?: string): Promise<string> {
    const known = this.#token;
    if (known && known.expires > Date.now()) {
      const value = await known.value;
      if (value !== refused) return value;
    }
    // Another call may have renewed it meanwhile.
    if (this.#token === known) this.#token = this.#renew(calls);
    return (this.#token ?? this.#renew(calls)).value;
  }

  #renew(calls: Calls): { value: Promise<string>; expires: number } {
    const entry = { value: Promise.resolve(''), expires: Number.POSITIVE_INFINITY };
    entry.value = this.#fetch(calls).then(
      ({ token, expiresIn }) => {
        entry.expires = Date.now() + Math.max(1, expiresIn - 30) * 1000;
        return token;
      },
      (error: unknown) => {
        if (this.#token === entry) this.#token = undefined;
        throw error;
      },
    );
    return entry;
  }

  async #fetch(calls: Calls): Promise<{ token: string; expiresIn: number }> {
    const connection = this.#connection;
    const call = { method: 'POST', path: '', label: 'the token address' };
    const { status, limits, text } = await calls.make(async ({ signal, sent }) => {
      const answer = await whenSent(sent, () => this.#post(signal)).catch((error: unknown) => {
        throw networkFailure(error, call, connection, signal, true);
      });
      return { value: answer, limits: answer.limits };
    });
    const failure = statusFailure(status, limits, call, connection, true);
    if (failure) throw failure;
    const body = status < 300 ? parsed(text) : undefined;
    const token = at(body, 'access_token');
    if (typeof token !== 'string' || token === '')
      throw new ConfigError('credentials', `the token address answered ${status} without a token`, {
        connection,
      });
    const expiresIn = Number(at(body, 'expires_in') ?? 3600);
    return { token, expiresIn: Number.isFinite(expiresIn) ? expiresIn : 3600 };
  }

  #post(signal: AbortSignal) {
    const { tokenUrl, clientId, clientSecret, scope } = this.#settings;
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
      ...(scope !== undefined && { scope }),
    });
    return withTimeLimit(this.#timeoutMs, signal, async (cut) => {
      const response = await fetch(tokenUrl, {
        method: 'POST',
        body: form,
        headers: { accept: 'application/json' },
        redirect: 'manual',
        signal: cut,
      });
      const limits = limitsOf(response.status, response.headers, Date.now());
      return { status: response.status, limits, text: await response.text() };
    });
  }
}

function parsed(text: string): Json | undefined {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}
