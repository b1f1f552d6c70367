import { describe, expect, it, vi } from 'vitest';
import { exampleRun, exampleSync } from './testing/memory-services.ts';
import { testApp } from './testing/test-app.ts';

describe('/v1/syncs', () => {
  it('creates with 201, replaces with 200, removes with 204', async () => {
    const { send } = testApp();
    const created = await send('PUT', '/v1/syncs/orders', exampleSync);
    expect([created.status, created.headers.get('Location')]).toEqual([201, '/v1/syncs/orders']);
    expect(await created.json()).toMatchObject({
      id: 'orders',
      mode: 'upsert',
      match: { trim: false },
      scheduleState: null,
    });
    expect((await send('PUT', '/v1/syncs/orders', exampleSync)).status).toBe(200);
    const { syncs } = (await (await send('GET', '/v1/syncs')).json()) as { syncs: object[] };
    expect(syncs).toHaveLength(2);
    expect((await send('DELETE', '/v1/syncs/orders')).status).toBe(204);
    expect((await send('GET', '/v1/syncs/orders')).status).toBe(404);
  });
});

describe('/v1/connections', () => {
  it('never shows a secret, checks, and discovers', async () => {
    const { send } = testApp();
    const created = await send('PUT', '/v1/connections/crm', { type: 'postgres', url: 'hunter2' });
    expect(created.status).toBe(201);
    expect(await created.text()).not.toContain('hunter2');
    expect((await send('PUT', '/v1/connections/crm', { type: 'http' })).status).toBe(200);
    const check = await send('POST', '/v1/connections/crm/check');
    expect([check.status, await check.json()]).toMatchObject([200, { ok: false }]);
    const streams = await send('GET', '/v1/connections/crm/streams');
    expect(await streams.json()).toMatchObject({ streams: [{ name: 'public.customers' }] });
    expect((await send('DELETE', '/v1/connections/crm')).status).toBe(204);
  });
});

describe('/v1/runs', () => {
  it('starts with 202 and Location, with or without a body; 409 names the open run', async () => {
    const { send, stored } = testApp();
    const first = await send('POST', '/v1/syncs/customers/runs');
    expect([first.status, first.headers.get('Location')]).toEqual([202, '/v1/runs/r1']);
    expect(await first.json()).toMatchObject({ id: 'r1', status: 'pending', dryRun: false });
    const second = await send('POST', '/v1/syncs/customers/runs');
    expect([second.status, await second.json()]).toMatchObject([409, { run: 'r1' }]);
    await send('POST', '/v1/runs/r1/cancel');
    const dry = await send('POST', '/v1/syncs/customers/runs', { dryRun: true, limit: 3 });
    expect(await dry.json()).toMatchObject({ dryRun: true });
    expect(stored.runs.get('r2')?.options).toEqual({ dryRun: true, limit: 3 });
  });

  it('shows a run by the contract', async () => {
    const { send, stored } = testApp();
    const stats = {
      imported: 23,
      created: 1,
      updated: 2,
      unchanged: 3,
      skipped: { mode: 4, filter: 5, duplicate: 0, edited: 2 },
      removed: 0,
      errors: 6,
      removeErrors: 7,
    };
    stored.runs.set('r1', exampleRun({ stats }));
    expect(await (await send('GET', '/v1/runs/r1')).json()).toEqual({
      id: 'r1',
      sync: 'customers',
      mode: 'upsert',
      entity: null,
      destination: null,
      parent: null,
      status: 'running',
      phase: 'sync',
      outcome: null,
      stats: { ...stats, exported: 3, skipped: 11, skippedBy: stats.skipped },
      watermark: null,
      startedAt: '2026-01-02T03:04:05.000Z',
      finishedAt: null,
      waitingUntil: null,
      removal: null,
      warnings: [],
      failure: null,
      dryRun: false,
      continues: null,
      links: {
        self: '/v1/runs/r1',
        errors: '/v1/runs/r1/errors',
        events: '/v1/runs/r1/events',
        sync: '/v1/syncs/customers',
      },
    });
  });

  it('pages', async () => {
    const { send, stored } = testApp();
    for (const id of ['r3', 'r2', 'r1']) stored.runs.set(id, exampleRun({ id }));
    const page = await (await send('GET', '/v1/runs?limit=2&status=running')).json();
    expect(page).toMatchObject({ runs: [{ id: 'r3' }, { id: 'r2' }], next: 'r2' });
    expect(await (await send('GET', '/v1/runs?status=failed')).json()).toEqual({
      runs: [],
      next: null,
    });
  });

  it('shows the key of an error as a value, a list, or null', async () => {
    const { send, stored } = testApp();
    const error = {
      operation: 'create',
      code: 'rejected',
      message: 'No.',
      retryable: false,
    } as const;
    stored.runs.set('r1', exampleRun());
    stored.errors = [
      { ...error, key: [42] },
      { ...error, key: ['a', 1], field: 'plan' },
      { ...error, key: null },
    ];
    expect(await (await send('GET', '/v1/runs/r1/errors')).json()).toEqual({
      errors: [
        { ...error, key: 42 },
        { ...error, key: ['a', 1], field: 'plan' },
        { ...error, key: null },
      ],
      next: null,
    });
  });

  it('acts on open runs only', async () => {
    const { send, stored } = testApp();
    const act = async (action: string) => (await send('POST', `/v1/runs/r1/${action}`)).status;
    stored.runs.set('r1', exampleRun());
    expect(await act('pause')).toBe(202);
    expect(await act('resume')).toBe(202);
    expect(await act('approve')).toBe(409);
    expect(await act('retry-errors')).toBe(409);
    stored.runs.set('r1', exampleRun({ status: 'paused', removal: { remove: 5, of: 9 } }));
    expect(await act('approve')).toBe(202);
    expect(await act('cancel')).toBe(202);
    for (const action of ['pause', 'resume', 'approve', 'cancel'])
      expect(await act(action)).toBe(409);
    const retry = await send('POST', '/v1/runs/r1/retry-errors');
    expect([retry.status, retry.headers.get('Location')]).toEqual([202, '/v1/runs/r2']);
    expect((await send('POST', '/v1/runs/none/pause')).status).toBe(404);
  });

  it('tells a run what to do before it asks how it is: that takes long where no worker can answer', async () => {
    const { send, stored, services } = testApp();
    stored.runs.set('r1', exampleRun());
    const asked = vi.spyOn(services.runs, 'get');
    for (const action of ['pause', 'resume', 'cancel']) await send('POST', `/v1/runs/r1/${action}`);
    expect(stored.runs.get('r1')?.status).toBe('cancelled');
    expect(asked).not.toHaveBeenCalled();
  });
});
