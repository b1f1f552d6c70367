import { withTimeLimit } from '../../../model/abort.ts';
import { ConfigError, LimitedError, SluiceError, TransientError } from '../../../model/failure.ts';
import type { Json } from '../../../model/json.ts';
import type { LimitInfo } from '../../../model/quota.ts';
import type { Wire } from '../../contract/calls.ts';
import { networkFailure, statusFailure } from '../http/failures.ts';
import { limitsOf } from '../http/limits.ts';
import { readText } from '../http/read-text.ts';
import { whenSent } from '../http/when-sent.ts';
import { parseJson } from '../json.ts';
import { at } from '../paths.ts';
import type { OAuth2 } from './auth.ts';

/** An access token. */
export interface AccessToken {
  readonly value: string;
  /** When a new one should be asked for: milliseconds since the epoch, by the clock of whoever asked for it. */
  readonly until: number;
  /** The API's base address, where it came with the token. */
  readonly address?: string;
}

/** An access token as its address hands it out, maybe with the next refresh token. */
export interface Issued extends AccessToken {
  /** Takes the place of the refresh token that was sent. Absent: that one stays. */
  readonly refreshToken?: string;
}

/** An answer of a token address. */
export interface TokenAnswer {
  readonly status: number;
  readonly limits: LimitInfo;
  readonly body: Json | undefined;
}

/** A token of which the answer does not say for how long it is good. Seconds. */
const usualLife = 3600;
/** Before its end a token is renewed by so much, or by half of its life if that is short. Seconds. */
const margin = 30;
/** An answer with a token is small. Bytes. */
const largest = 1 << 20;

const call = { method: 'POST', path: '', label: 'the token address' };

/** The errors of RFC 6749, section 5.2: no other text of an answer is ever repeated, it might hold a secret. */
const knownErrors = new Set([
  'invalid_client',
  'invalid_grant',
  'invalid_request',
  'invalid_scope',
  'unauthorized_client',
  'unsupported_grant_type',
]);

/** The address that issues access tokens. */
export class TokenAddress {
  readonly #auth: OAuth2;
  readonly #connection: string;
  readonly #timeoutMs: number;

  constructor(auth: OAuth2, connection: string, timeoutMs: number) {
    this.#auth = auth;
    this.#connection = connection;
    this.#timeoutMs = timeoutMs;
  }

  /** Sends a form to it, once. @throws TransientError `unreachable` where no answer came */
  async post(form: Readonly<Record<string, string>>, wire: Wire): Promise<TokenAnswer> {
    const { signal, sent } = wire;
    const connection = this.#connection;
    const { scope } = this.#auth;
    const body = new URLSearchParams({ ...form, ...(scope !== undefined && { scope }) });
    return whenSent(sent, () => this.#send(body, signal)).catch((error: unknown) => {
      if (error instanceof SluiceError) throw error;
      throw harmless(networkFailure(error, call, connection, signal, true), connection);
    });
  }

  /**
   * The token that an answer holds.
   * @throws ConfigError `credentials`, LimitedError, TransientError `unreachable`
   */
  issued({ status, limits, body }: TokenAnswer): Issued {
    const connection = this.#connection;
    const failure = statusFailure(status, limits, call, connection, true);
    if (failure instanceof LimitedError) throw failure;
    if (failure instanceof TransientError) throw harmless(failure, connection);
    const value = status < 300 ? textAt(body, 'access_token') : undefined;
    if (value === undefined) throw this.#refused(status, body);
    const refreshToken = textAt(body, 'refresh_token');
    const { address } = this.#auth;
    return {
      value,
      until: Date.now() + lifeOf(body) * 1000,
      ...(refreshToken !== undefined && { refreshToken }),
      ...(address !== undefined && { address: this.#addressAt(body, address) }),
    };
  }

  #send(body: URLSearchParams, signal: AbortSignal): Promise<TokenAnswer> {
    return withTimeLimit(this.#timeoutMs, signal, async (cut) => {
      const response = await fetch(this.#auth.tokenUrl, {
        method: 'POST',
        body,
        headers: { accept: 'application/json' },
        redirect: 'manual',
        signal: cut,
      });
      const { status, headers } = response;
      const text = await readText(response, this.#connection, largest);
      return { status, limits: limitsOf(status, headers, Date.now()), body: parsed(text ?? '') };
    });
  }

  #refused(status: number, body: Json | undefined): ConfigError {
    const error = textAt(body, 'error') ?? '';
    const said = knownErrors.has(error) ? ` (${error})` : '';
    const message = `the token address answered ${status}${said} without a token: check the auth settings`;
    return new ConfigError('credentials', message, { connection: this.#connection });
  }

  /** The token will be sent there: no less safely than it came. */
  #addressAt(body: Json | undefined, path: string): string {
    const address = textAt(body, path) ?? '';
    const allowed = new Set(['https:', new URL(this.#auth.tokenUrl).protocol]);
    if (URL.canParse(address) && allowed.has(new URL(address).protocol)) return address;
    const message = `the token address names no https address at "${path}"`;
    throw new ConfigError('unexpected_answer', message, { connection: this.#connection });
  }
}

/** A failure to get a token, as one of a call that was not made: the call that wanted the token certainly had no effect. */
function harmless(failure: unknown, connection: string): unknown {
  return failure instanceof TransientError
    ? new TransientError('unreachable', failure.message, { connection })
    : failure;
}

/** For how long a token is used, in seconds. */
function lifeOf(body: Json | undefined): number {
  const said = Number(at(body, 'expires_in') ?? usualLife);
  const life = Number.isFinite(said) ? said : usualLife;
  return Math.max(1, life - Math.min(margin, life / 2));
}

function textAt(body: Json | undefined, path: string): string | undefined {
  const value = at(body, path);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function parsed(text: string): Json | undefined {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}
