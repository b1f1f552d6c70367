import type { Calls, Send } from '../../contract/calls.ts';
import type { Memory } from '../../contract/memory.ts';
import { assertionOf } from './assertion.ts';
import type { OAuth2 } from './auth.ts';
import { SharedToken } from './shared-token.ts';
import { TokenAddress, type AccessToken, type TokenAnswer } from './token-address.ts';

/** The access token of a connection, asked for once and kept until shortly before it ends. Safe for concurrent use. */
export class AccessTokens {
  /** Asks for a token; `refused` is one that the API no longer takes. */
  readonly #ask: (calls: Calls, refused?: string) => Promise<AccessToken>;
  #coming: { readonly token: Promise<AccessToken>; readonly calls: Calls } | undefined;
  #token: AccessToken | undefined;

  /** @param memory where refresh tokens are kept that rotate */
  constructor(auth: OAuth2, connection: string, timeoutMs: number, memory: Memory) {
    const address = new TokenAddress(auth, connection, timeoutMs);
    if (auth.grant === 'refresh_token') {
      const shared = new SharedToken(auth, address, memory, timeoutMs);
      this.#ask = (calls, refused) => shared.get(calls, refused);
    } else {
      this.#ask = async (calls) => {
        const post: Send<TokenAnswer> = async (wire) => {
          const value = await address.post(formOf(auth, connection), wire);
          return { value, limits: value.limits };
        };
        const answer = await calls.make(post, { effect: false });
        return address.issued(answer);
      };
    }
  }

  /**
   * The token.
   * @param refused one that the API no longer takes: another one is asked for, unless that was done meanwhile
   * @throws ConfigError `credentials`, LimitedError, TransientError `unreachable`
   */
  async get(calls: Calls, refused?: string): Promise<AccessToken> {
    for (;;) {
      calls.signal.throwIfAborted();
      const known = this.#token;
      if (known !== undefined && known.value !== refused && known.until > Date.now()) return known;
      const coming = (this.#coming ??= this.#begin(calls, refused));
      try {
        // A vendor may hand out the refused one again: that is for the API to judge.
        return await coming.token;
      } catch (error) {
        // Whoever asked first may have been called off: those who wait with it ask again.
        if (coming.calls === calls || !coming.calls.signal.aborted) throw error;
      }
    }
  }

  #begin(calls: Calls, refused: string | undefined) {
    const token = this.#ask(calls, refused).then(
      (value) => {
        this.#coming = undefined;
        return (this.#token = value);
      },
      (error: unknown) => {
        this.#coming = undefined;
        throw error;
      },
    );
    return { token, calls };
  }
}

function formOf(auth: Exclude<OAuth2, { grant: 'refresh_token' }>, connection: string) {
  if (auth.grant !== 'jwt_bearer')
    return {
      grant_type: 'client_credentials',
      client_id: auth.clientId,
      client_secret: auth.clientSecret,
    };
  return {
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    assertion: assertionOf(auth, auth.tokenUrl, connection),
  };
}
