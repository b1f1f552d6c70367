import { describe, expect, it } from 'vitest';
import { ConfigError, LimitedError, TransientError } from '../model/failure.ts';
import { exampleSync } from './testing/memory-services.ts';
import { testApp } from './testing/test-app.ts';

async function expectProblem(response: Response, status: number, more: object = {}) {
  expect(response.status).toBe(status);
  expect(response.headers.get('Content-Type')).toBe('application/problem+json');
  expect(await response.json()).toMatchObject({
    type: 'about:blank',
    title: expect.any(String),
    detail: expect.any(String),
    instance: expect.any(String),
    status,
    ...more,
  });
}

describe('problems (RFC 9457)', () => {
  const { app, send, stored } = testApp();

  it('answers unknown routes and unknown things with 404', async () => {
    expect.hasAssertions();
    await expectProblem(await send('GET', '/nothing'), 404, { code: 'not_found' });
    for (const path of [
      '/v1/syncs/x',
      '/v1/connections/x',
      '/v1/connections/x/streams',
      '/v1/runs/x',
      '/v1/runs/x/errors',
      '/v1/runs/x/events',
    ]) {
      await expectProblem(await send('GET', path), 404, { instance: path });
    }
    await expectProblem(await send('DELETE', '/v1/syncs/x'), 404);
    await expectProblem(await send('DELETE', '/v1/connections/x'), 404);
    await expectProblem(await send('POST', '/v1/connections/x/check'), 404);
    await expectProblem(await send('POST', '/v1/syncs/x/runs'), 404);
  });

  it('answers malformed JSON with 400, no JSON with 415, too much with 413', async () => {
    expect.hasAssertions();
    await expectProblem(await send('PUT', '/v1/syncs/a', '{'), 400, { code: 'malformed' });
    const text = { method: 'POST', body: '{"full":true}' };
    await expectProblem(await app.request('/v1/syncs/customers/runs', text), 415);
    const big = { ...exampleSync, where: 'x'.repeat(2 ** 20) };
    await expectProblem(await send('PUT', '/v1/syncs/a', big), 413);
  });

  it('says what does not fit with 422', async () => {
    const spec = { ...exampleSync, mode: 'sometimes', colour: 'red' };
    const response = await send('PUT', '/v1/syncs/a', spec);
    const { errors } = (await response.clone().json()) as { errors: { path: string }[] };
    await expectProblem(response, 422, { code: 'invalid' });
    expect(errors.map(({ path }) => path)).toContain('mode');
    expect(JSON.stringify(errors)).toContain('colour');
    await expectProblem(await send('PUT', '/v1/syncs/-a', exampleSync), 422);
    await expectProblem(await send('PUT', '/v1/connections/a', { url: 'x' }), 422);
    await expectProblem(await send('POST', '/v1/syncs/customers/runs', { ful: true }), 422);
    await expectProblem(await send('GET', '/v1/runs?limit=201'), 422);
    await expectProblem(await send('GET', '/v1/runs?status=odd'), 422);
    await expectProblem(await send('GET', '/v1/runs/r1/errors?after=x'), 422);
  });

  it('answers failures by their class, and tells nothing of a bug', async () => {
    stored.failure = new ConfigError('unknown_stream', 'No such stream.', { connection: 'shop' });
    await expectProblem(await send('PUT', '/v1/syncs/a', exampleSync), 422, {
      code: 'unknown_stream',
      connection: 'shop',
    });
    stored.failure = new TransientError('unreachable', 'No answer.');
    await expectProblem(await send('GET', '/v1/syncs'), 503, { code: 'unreachable' });
    stored.failure = new LimitedError('Too many calls.', 1500);
    const limited = await send('GET', '/v1/syncs');
    expect(limited.headers.get('Retry-After')).toBe('2');
    await expectProblem(limited, 503);
    stored.failure = new Error('password is hunter2');
    const bug = await send('GET', '/v1/syncs');
    expect(await bug.clone().text()).not.toContain('hunter2');
    await expectProblem(bug, 500, { code: 'internal' });
  });
});

describe('health', () => {
  it('is alive, and ready when all parts answer', async () => {
    const { send, stored } = testApp();
    expect((await send('GET', '/healthz')).status).toBe(200);
    expect((await send('GET', '/readyz')).status).toBe(200);
    stored.readiness = { temporal: true, database: true, worker: false };
    const response = await send('GET', '/readyz');
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ ready: false, worker: false });
  });
});

describe('the reference', () => {
  const { app, send } = testApp();

  it('describes every route', async () => {
    const document = (await (await send('GET', '/openapi.json')).json()) as {
      openapi: string;
      paths: Record<string, Record<string, { responses: object; summary: string }>>;
      components: { schemas: Record<string, object> };
    };
    expect(document.openapi).toBe('3.1.0');
    const routes = app.routes.filter(
      ({ method, path }) => method !== 'ALL' && path.startsWith('/v1'),
    );
    expect(routes.length).toBeGreaterThan(20);
    for (const { method, path } of routes) {
      const call = document.paths[path.replaceAll(/:(\w+)/g, '{$1}')]?.[method.toLowerCase()];
      expect(call, `${method} ${path}`).toMatchObject({ summary: expect.any(String) });
    }
    const text = JSON.stringify(document);
    for (const [, name] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      expect(Object.keys(document.components.schemas)).toContain(name);
    }
    expect(text).toContain('additionalProperties');
    expect(document.components.schemas).toHaveProperty('Run.properties.stats');
  });

  it('has a page that needs no network', async () => {
    const page = await send('GET', '/docs');
    expect(await page.text()).not.toMatch(/https?:/);
    for (const asset of ['swagger-ui.css', 'swagger-ui-bundle.js', 'start.js']) {
      expect((await send('GET', `/docs/${asset}`)).status).toBe(200);
    }
    expect((await send('GET', '/docs/package.json')).status).toBe(404);
    expect((await send('GET', '/docs/..%2Fpackage.json')).status).toBe(404);
    const root = await send('GET', '/');
    expect([root.status, root.headers.get('Location')]).toEqual([302, '/docs']);
  });
});
