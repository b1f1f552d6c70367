import { describe, expect, it } from 'vitest';
import { http } from './http.ts';

function modesWith(stream: object) {
  const settings = http.settings.parse({ url: 'https://x.test', streams: { s: stream } });
  return http.destination?.modes(settings, { stream: 's', options: {} });
}

describe('settings', () => {
  it('computes the modes from the calls that are declared', () => {
    const all = { upsert: true, update: true, create: true, mirror: true };
    expect(modesWith({ upsert: { path: '/a' }, delete: { path: '/a' } })).toEqual(all);
    expect(modesWith({ upsert: { path: '/a' } })).toEqual({
      ...all,
      mirror: 'stream "s" declares no delete',
    });
    expect(modesWith({ create: { path: '/a' } })).toMatchObject({
      create: true,
      update: 'stream "s" declares no update (or upsert)',
    });
  });

  it('refuses what it does not know', () => {
    expect(() =>
      http.settings.parse({ url: 'https://x.test', streams: {}, tiemout: '1s' }),
    ).toThrow('tiemout');
    expect(() => http.settings.parse({ url: 'file:///etc/passwd', streams: {} })).toThrow('url');
    expect(() => http.settings.parse({ url: 'https://me:pw@x.test', streams: {} })).toThrow('auth');
  });
});

describe('oauth2', () => {
  const common = { type: 'oauth2', tokenUrl: 'https://x.test/token', clientId: 'me' };
  const grants = [
    { clientSecret: 's' },
    { grant: 'client_credentials', clientSecret: 's', scope: 'read', address: 'instance_url' },
    { grant: 'refresh_token', refreshToken: 'r' },
    { grant: 'refresh_token', refreshToken: 'r', clientSecret: 's' },
    { grant: 'jwt_bearer', privateKey: 'k', subject: 'ann', audience: 'https://x.test' },
  ];

  it.each(grants)('takes %j, and hides what is secret of it', (grant) => {
    const auth = { ...common, ...grant };
    const parsed = http.settings.parse({ url: 'https://x.test', auth, streams: {} });
    expect(parsed).toMatchObject({ auth });
    const secret = ['clientSecret', 'refreshToken', 'privateKey'].filter((name) => name in auth);
    expect(http.secrets).toEqual(expect.arrayContaining(secret.map((name) => `auth.${name}`)));
  });

  it.each([
    {},
    { grant: 'password', clientSecret: 's' },
    { grant: 'client_credentials', refreshToken: 'r' },
    { grant: 'refresh_token', clientSecret: 's' },
    { grant: 'jwt_bearer', privateKey: 'k' },
  ])('refuses %j', (grant) => {
    const auth = { ...common, ...grant };
    const settings = { url: 'https://x.test', auth, streams: {} };
    expect(http.settings.safeParse(settings).success).toBe(false);
  });
});
