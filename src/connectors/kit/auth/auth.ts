/** Credentials, in the form in which calls carry them. Example: `{ type: 'bearer', token }`. */
export type Auth =
  | { readonly type: 'bearer'; readonly token: string }
  | { readonly type: 'basic'; readonly username: string; readonly password: string }
  /** A header, such as `X-Api-Key`, and its value. */
  | { readonly type: 'header'; readonly name: string; readonly value: string }
  /** A query parameter, such as `api_key`, and its value. */
  | { readonly type: 'query'; readonly name: string; readonly value: string }
  | OAuth2;

/**
 * OAuth 2.0: calls carry an access token that a token address issues and that is renewed when it ends.
 *
 * ```ts
 * const auth: OAuth2 = { type: 'oauth2', tokenUrl: 'https://api.example.com/oauth/token', clientId, clientSecret };
 * ```
 */
export type OAuth2 = TokenSource & (ClientCredentials | RefreshToken | JwtBearer);

/** The address that issues access tokens, and what to ask it for. */
interface TokenSource {
  readonly type: 'oauth2';
  /** The address that issues them. */
  readonly tokenUrl: string;
  /** The scope to ask for. */
  readonly scope?: string | undefined;
  /**
   * Dotted path of the API's base address in the token's answer, such as `instance_url`: it takes the place of the origin
   * of `ClientOptions.url`. Absent: the answer names none.
   */
  readonly address?: string | undefined;
}

/** The client asks for itself (RFC 6749, section 4.4). */
export interface ClientCredentials {
  readonly grant?: 'client_credentials' | undefined;
  readonly clientId: string;
  readonly clientSecret: string;
}

/**
 * A person has allowed it once, which left a refresh token (RFC 6749, section 6). Where the vendor hands out another one
 * with each access token, the connection's memory keeps the newest.
 */
export interface RefreshToken {
  readonly grant: 'refresh_token';
  readonly clientId: string;
  /** Absent: the client is a public one. */
  readonly clientSecret?: string | undefined;
  /** The one that the connection begins with. */
  readonly refreshToken: string;
}

/** The client signs who it acts for with a key whose certificate the vendor knows (RFC 7523, section 2.1; RS256). */
export interface JwtBearer {
  readonly grant: 'jwt_bearer';
  readonly clientId: string;
  /** The user that it acts for. */
  readonly subject: string;
  /** Whom the assertion is meant for. Default: the origin of `tokenUrl`. */
  readonly audience?: string | undefined;
  /** An RSA key in PEM. Line ends may be written as `\n`, as environment variables often have them. */
  readonly privateKey: string;
}

/** The texts that prove who calls, and those beside them that a message should not repeat either. */
export function secretsOf(auth: Auth | undefined): string[] {
  if (auth === undefined) return [];
  const { type: _type, ...said } = auth;
  const shown = new Set(['grant', 'address']);
  return Object.entries(said).flatMap(([name, value]) =>
    shown.has(name) || value === undefined ? [] : [value],
  );
}
