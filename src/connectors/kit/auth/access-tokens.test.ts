import { generateKeyPairSync } from 'node:crypto';
import { afterEach, expect, it } from 'vitest';
import { unlimited } from '../../contract/calls.ts';
import type { Answer } from '../http/call.ts';
import { HttpClient, type ClientOptions } from '../http/client.ts';
import { at } from '../paths.ts';
import { serve, type Served } from '../testing/served.ts';
import { client, startTokenServer } from '../testing/token-server.ts';
import type { OAuth2 } from './auth.ts';

const open: Served[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

async function start(options: Parameters<typeof startTokenServer>[0] = {}) {
  const server = await startTokenServer(options);
  open.push(server);
  return server;
}

const call = { method: 'GET', path: '/list', label: '/list' };

function clientOf(url: string, auth: object = client, more: Partial<ClientOptions> = {}) {
  const oauth2 = { type: 'oauth2', tokenUrl: `${url}/token`, ...auth } as OAuth2;
  return new HttpClient({ connection: 'sf', url, timeoutMs: 2000, auth: oauth2, ...more });
}

const { privateKey, publicKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});
const jwt = { grant: 'jwt_bearer', clientId: 'the-client', subject: 'ann@example.com', privateKey };

it('signs for whom it acts (RFC 7523), anew for each token', async () => {
  const server = await start({ publicKey });
  const audience = 'https://login.example.com';
  const one = clientOf(server.url, { ...jwt, audience, scope: 'api' });
  await one.request(call, unlimited);
  server.expire();
  await one.request(call, unlimited);
  const [first, second] = server.asked();
  expect(first?.get('grant_type')).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer');
  expect(first?.get('scope')).toBe('api');
  const [head, claims] = (first?.get('assertion') ?? '').split('.').slice(0, 2).map(decoded);
  expect(head).toEqual({ alg: 'RS256', typ: 'JWT' });
  expect(claims).toMatchObject({ iss: 'the-client', sub: 'ann@example.com', aud: audience });
  const { iat, exp } = claims as { iat: number; exp: number };
  expect(exp - iat).toBeLessThanOrEqual(180);
  expect(second?.get('assertion')).not.toBe(first?.get('assertion'));
});

it('takes a key whose line ends are written as in an environment variable', async () => {
  const server = await start({ publicKey });
  const escaped = { ...jwt, privateKey: privateKey.replaceAll('\n', '\\n') };
  const answer = await clientOf(server.url, escaped).request(call, unlimited);
  expect(answer.status).toBe(200);
});

it.each([
  ['a text', 'not-a-key-but-secret'],
  ['a key of another kind', ecKey()],
])('refuses %s as a private key, and does not show it', async (_, wrong) => {
  const server = await start({ publicKey });
  const one = clientOf(server.url, { ...jwt, privateKey: wrong });
  const failure: unknown = await one.request(call, unlimited).catch((error: unknown) => error);
  expect(failure).toMatchObject({ class: 'config', code: 'credentials', connection: 'sf' });
  expect(String(failure)).not.toContain(wrong);
  expect(server.arrived).toEqual([]);
});

it('says why a token was refused, in the words of the standard alone', async () => {
  const server = await start();
  const wrong = clientOf(server.url, { ...client, clientSecret: 'a-wrong-secret' });
  const failure: unknown = await wrong.request(call, unlimited).catch((error: unknown) => error);
  expect(failure).toMatchObject({ class: 'config', code: 'credentials' });
  expect(String(failure)).toContain('invalid_client');
  expect(String(failure)).not.toContain('secret');
});

it('calls the address that comes with the token (Salesforce: instance_url)', async () => {
  const instance = await start({
    api: () => ({ json: ['a'] }),
  });
  const login = await start({ extra: () => ({ instance_url: `${instance.url}/` }) });
  const one = clientOf(
    login.url,
    { ...client, address: 'instance_url' },
    { url: `${login.url}/base` },
  );
  expect((await one.request(call, unlimited)).body).toEqual(['a']);
  expect(one.nextAddress(`${instance.url}/base/list?page=2`, call)).toContain(instance.url);
  expect(instance.arrived.map(({ path }) => path)).toEqual(['/base/list']);
  expect(login.arrived.map(({ path }) => path)).toEqual(['/token']);
});

it.each(['ftp://127.0.0.1/', 'nowhere', ''])(
  'does not send a token to "%s"',
  async (instance_url) => {
    const login = await start({ extra: () => ({ instance_url }) });
    const one = clientOf(login.url, { ...client, address: 'instance_url' });
    await expect(one.request(call, unlimited)).rejects.toMatchObject({ code: 'unexpected_answer' });
    expect(login.arrived.map(({ path }) => path)).toEqual(['/token']);
  },
);

it('renews a token that a body refuses, and repeats the call once (Marketo: 601, 602)', async () => {
  let refusals = 1;
  const server = await start({
    api: () => ({ json: refusals-- > 0 ? { errors: [{ code: '602' }] } : { result: ['a'] } }),
  });
  const one = clientOf(server.url, client, { refusesToken });
  expect((await one.request(call, unlimited)).body).toEqual({ result: ['a'] });
  expect(server.asked()).toHaveLength(2);
  refusals = 2;
  const failure: unknown = await one.request(call, unlimited).catch((error: unknown) => error);
  expect(failure).toMatchObject({ class: 'config', code: 'credentials' });
  expect(server.arrived.map(({ path }) => path).slice(-3)).toEqual(['/list', '/token', '/list']);
});

it('uses a token for half of its life at least, however short that is', async () => {
  const server = await start({ expiresIn: 20 });
  const one = clientOf(server.url);
  await one.request(call, unlimited);
  await one.request(call, unlimited);
  expect(server.asked()).toHaveLength(1);
});

it('takes a vendor that hands out the same token for one that refuses it, and does not ask for ever', async () => {
  const server = await serve(({ path }) =>
    path === '/token' ? { json: { access_token: 'always-the-same' } } : { status: 401, json: {} },
  );
  open.push(server);
  await expect(clientOf(server.url).request(call, unlimited)).rejects.toMatchObject({
    code: 'credentials',
  });
  expect(server.arrived.map(({ path }) => path)).toEqual(['/token', '/list', '/token', '/list']);
});

it('a write whose token could not be got was certainly not made', async () => {
  const server = await start();
  server.faults.push({ status: 500 });
  const once = { ...unlimited, repeatable: false };
  await expect(clientOf(server.url).request(call, once)).rejects.toMatchObject({
    code: 'unreachable',
  });
  expect(server.arrived.map(({ path }) => path)).toEqual(['/token']);
});

function refusesToken({ body }: Answer): boolean {
  return ['601', '602'].some((code) => code === at(body, 'errors.0.code'));
}

function decoded(part: string): unknown {
  return JSON.parse(Buffer.from(part, 'base64url').toString());
}

function ecKey(): string {
  const pem = { type: 'pkcs8', format: 'pem' } as const;
  const { privateKey: key } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: pem,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  return key;
}
