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
