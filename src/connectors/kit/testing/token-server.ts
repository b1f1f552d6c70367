import { verify, type KeyLike } from 'node:crypto';
import { serve, type Arrived, type Reply, type Served } from './served.ts';

/** The behaviour of a token server. */
interface TokenServerOptions {
  /** Each refresh token can be spent once, and a new one comes with each access token. Default false. */
  readonly rotates?: boolean;
  /** Proves the signatures of assertions. */
  readonly publicKey?: KeyLike;
  /** Further members of each answer with a token. */
  readonly extra?: () => object;
  /** Seconds; undefined: the answers do not say. Default 3600. */
  readonly expiresIn?: number | null;
  /** Answers everything that is not for tokens. Default: 200 to a call with a good token, else 401. */
  readonly api?: (request: Arrived, isKnown: boolean) => Reply;
}

/** A server that issues tokens at `/token` and asks for them elsewhere. */
export interface TokenServer extends Served {
  /** Ends all access tokens so far. */
  expire(): void;
  /** Ends a refresh token. */
  revoke(refreshToken: string): void;
  /** Calls for tokens so far, as forms. */
  asked(): URLSearchParams[];
  /** Faults of the next calls for tokens, in order: an answer without effect, or `lost`, no answer after the effect. */
  readonly faults: (Reply | 'lost')[];
  /** Awaited before each answer with a token. */
  before: () => Promise<void>;
}

/** The credentials that it takes. */
export const client = { clientId: 'the-client', clientSecret: 'a-secret-of-the-client' } as const;
/** The refresh token that it takes first. */
export const firstRefresh = 'refresh-token-number-0';

/** Starts one. */
export async function startTokenServer(options: TokenServerOptions = {}): Promise<TokenServer> {
  const good = new Set<string>();
  const refresh = new Set([firstRefresh]);
  const faults: (Reply | 'lost')[] = [];
  let issued = 0;
  const issue = async (form: URLSearchParams): Promise<Reply> => {
    const fault = faults.shift();
    if (fault !== undefined && fault !== 'lost') return fault;
    const error = refusalOf(form, refresh, options);
    if (error !== undefined)
      return { status: 400, json: { error, error_description: form.toString() } };
    issued += 1;
    const access_token = `access-token-number-${issued}`;
    good.add(access_token);
    const { rotates = false, expiresIn = 3600 } = options;
    const given = form.get('refresh_token');
    const next = `refresh-token-number-${issued}`;
    if (rotates && given !== null) refresh.delete(given);
    if (rotates) refresh.add(next);
    await server.before();
    if (fault === 'lost') return { cut: true };
    const json = {
      access_token,
      token_type: 'bearer',
      ...(expiresIn !== null && { expires_in: expiresIn }),
      ...(rotates && { refresh_token: next }),
      ...options.extra?.(),
    };
    return { json };
  };
  const served = await serve((request) => {
    if (request.path === '/token') return issue(new URLSearchParams(request.body));
    const isKnown = good.has((request.headers.authorization ?? '').replace('Bearer ', ''));
    return options.api?.(request, isKnown) ?? { status: isKnown ? 200 : 401, json: [] };
  });
  const server: TokenServer = {
    ...served,
    faults,
    before: async () => undefined,
    expire: () => good.clear(),
    revoke: (token) => void refresh.delete(token),
    asked: () =>
      served.arrived
        .filter(({ path }) => path === '/token')
        .map(({ body }) => new URLSearchParams(body)),
  };
  return server;
}

function refusalOf(
  form: URLSearchParams,
  refresh: ReadonlySet<string>,
  { publicKey }: TokenServerOptions,
): string | undefined {
  const grant = form.get('grant_type') ?? '';
  if (grant.endsWith(':jwt-bearer'))
    return isSigned(form.get('assertion') ?? '', publicKey) ? undefined : 'invalid_grant';
  const isClient =
    form.get('client_id') === client.clientId && form.get('client_secret') === client.clientSecret;
  if (!isClient) return 'invalid_client';
  if (grant === 'client_credentials') return undefined;
  return refresh.has(form.get('refresh_token') ?? '') ? undefined : 'invalid_grant';
}

function isSigned(assertion: string, publicKey: KeyLike | undefined): boolean {
  const [head = '', claims = '', signature = ''] = assertion.split('.');
  const signed = Buffer.from(`${head}.${claims}`);
  return (
    publicKey !== undefined &&
    verify('sha256', signed, publicKey, Buffer.from(signature, 'base64url'))
  );
}
