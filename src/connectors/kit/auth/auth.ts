/** How calls prove who makes them. */
export type Auth =
  | { readonly type: 'bearer'; readonly token: string }
  | { readonly type: 'basic'; readonly username: string; readonly password: string }
  /** A header, such as `X-Api-Key`, and its value. */
  | { readonly type: 'header'; readonly name: string; readonly value: string }
  /** A query parameter, such as `api_key`, and its value. */
  | { readonly type: 'query'; readonly name: string; readonly value: string }
  | ({ readonly type: 'oauth2' } & ClientCredentials);

/** OAuth 2.0, client-credentials grant (RFC 6749, section 4.4). */
export interface ClientCredentials {
  /** Where tokens are issued. */
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** The scope to ask for. */
  readonly scope?: string | undefined;
}
