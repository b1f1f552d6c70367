import { describe, expect, it } from 'vitest';
import { testApp } from '../testing/test-app.ts';

describe('with a token', () => {
  const { app } = testApp({ token: 'secret', loopback: false });
  const status = async (path: string, headers: Record<string, string> = {}) =>
    (await app.request(path, { headers })).status;

  it('asks for it', async () => {
    expect(await status('/v1/syncs')).toBe(401);
    expect(await status('/nothing')).toBe(401);
    expect(await status('/v1/syncs', { Authorization: 'Bearer wrong' })).toBe(401);
    expect(await status('/v1/syncs', { Authorization: 'Basic secret' })).toBe(401);
    expect(await status('/v1/syncs', { Authorization: 'Bearer secret' })).toBe(200);
    const response = await app.request('/v1/syncs');
    expect(response.headers.get('WWW-Authenticate')).toContain('Bearer');
    expect(response.headers.get('Content-Type')).toBe('application/problem+json');
  });

  it('leaves health and reference open, from any host', async () => {
    for (const path of ['/healthz', '/readyz', '/docs', '/openapi.json']) {
      expect(await status(path, { Host: 'sluice.example' })).toBe(200);
    }
  });
});

describe('without a token', () => {
  const { app } = testApp();
  const status = async (headers: Record<string, string>) =>
    (await app.request('/v1/syncs', { headers })).status;

  it('lets in loopback hosts and origins only', async () => {
    for (const host of ['localhost', 'localhost:80', '127.0.0.1:4400', '[::1]:4400']) {
      expect(await status({ Host: host, Origin: `http://${host}` })).toBe(200);
    }
    for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', '']) {
      expect(await status({ Host: host })).toBe(403);
    }
    for (const origin of ['http://evil.example', 'null', 'http://localhost.evil.example']) {
      expect(await status({ Host: 'localhost', Origin: origin })).toBe(403);
    }
  });

  it('is not served to others', () => {
    expect(() => testApp({ loopback: false })).toThrow('token');
  });
});
