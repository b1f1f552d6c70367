import { describe, expect, it } from 'vitest';
import { ExactNumber } from '../../model/json.ts';
import type { LostValue } from '../../model/field-origin.ts';
import { exampleEntity, exampleRun } from '../testing/memory-services.ts';
import { testApp } from '../testing/test-app.ts';

const at = new Date('2026-01-02T03:04:05Z');
const record = {
  id: '7',
  values: { name: 'Acme', employees: new ExactNumber('12345678901234567890') },
  ids: [
    { system: 'salesforce', id: 'a1' },
    { system: 'hubspot', id: '1' },
    { system: 'hubspot', id: '2' },
  ],
  createdAt: at,
  updatedAt: at,
  deleted: false,
  mergedInto: null,
};

describe('/v1/entities', () => {
  it('creates with 201, replaces with 200, removes with 204', async () => {
    const { send } = testApp();
    const created = await send('PUT', '/v1/entities/people', exampleEntity);
    expect([created.status, created.headers.get('Location')]).toEqual([201, '/v1/entities/people']);
    expect(await created.json()).toMatchObject({
      id: 'people',
      deletes: 'never',
      sources: { shop: { source: { batch: 10_000 } } },
      scheduleState: null,
      links: { runs: '/v1/runs?entity=people', records: '/v1/entities/people/records' },
    });
    expect((await send('PUT', '/v1/entities/people', exampleEntity)).status).toBe(200);
    const { entities } = (await (await send('GET', '/v1/entities')).json()) as {
      entities: object[];
    };
    expect(entities).toHaveLength(2);
    expect((await send('DELETE', '/v1/entities/people')).status).toBe(204);
    expect((await send('GET', '/v1/entities/people')).status).toBe(404);
    const wrong = await send('PUT', '/v1/entities/people', { ...exampleEntity, deletes: 'some' });
    expect([wrong.status, await wrong.json()]).toMatchObject([
      422,
      { errors: [{ path: 'deletes' }] },
    ]);
  });

  it('starts a cycle, which is a run with stages and the runs of its destinations', async () => {
    const { send, stored } = testApp();
    const started = await send('POST', '/v1/entities/account/runs', { full: true });
    expect([started.status, started.headers.get('Location')]).toEqual([202, '/v1/runs/r1']);
    const second = await send('POST', '/v1/entities/account/runs');
    expect([second.status, await second.json()]).toMatchObject([
      409,
      { code: 'run_open', run: 'r1' },
    ]);
    const stages = [{ name: 'read', status: 'done', counts: { shop: 3 } }] as const;
    const missing = [
      {
        source: 'crm',
        since: '2026-01-02T03:04:05.000Z',
        code: 'connection',
        message: 'nobody answers',
        connection: 'c',
      },
    ];
    const cycle = { entity: 'account', stages, more: true, missing, children: ['r2'] };
    stored.runs.set('r1', exampleRun({ sync: null, mode: null, cycle, phase: 'deliver' }));
    stored.runs.set('r2', exampleRun({ id: 'r2', sync: 'account.crm', parent: 'r1' }));
    const run = await (await send('GET', '/v1/runs/r1')).json();
    expect(run).toMatchObject({
      sync: null,
      mode: null,
      entity: 'account',
      destination: null,
      phase: 'deliver',
      stages,
      more: true,
      missing,
      children: [{ id: 'r2', entity: 'account', destination: 'crm', parent: 'r1' }],
    });
    expect(run).toHaveProperty('links', {
      self: '/v1/runs/r1',
      errors: '/v1/runs/r1/errors',
      events: '/v1/runs/r1/events',
      entity: '/v1/entities/account',
    });
    expect(await (await send('GET', '/v1/runs?entity=account')).json()).toMatchObject({
      runs: [{ id: 'r1', children: [{ id: 'r2' }] }],
    });
    expect(await (await send('POST', '/v1/runs/r1/pause')).json()).toMatchObject({
      status: 'paused',
      children: [{ id: 'r2' }],
    });
  });

  it('shows records with their ids by system, and erases one', async () => {
    const { send, stored } = testApp();
    stored.records = [record, { ...record, id: '8' }];
    const shown = {
      id: '7',
      fields: { name: 'Acme', employees: '12345678901234567890' },
      ids: { salesforce: ['a1'], hubspot: ['1', '2'] },
      createdAt: at.toISOString(),
      updatedAt: at.toISOString(),
      deleted: false,
      mergedInto: null,
    };
    const page = await send('GET', '/v1/entities/account/records?limit=1');
    expect(await page.json()).toEqual({ records: [shown], next: '7' });
    expect(await (await send('GET', '/v1/entities/account/records/7')).json()).toEqual(shown);
    expect((await send('GET', '/v1/entities/none/records')).status).toBe(404);
    expect((await send('GET', '/v1/entities/account/records/x')).status).toBe(422);
    expect((await send('DELETE', '/v1/entities/account/records/7')).status).toBe(204);
    expect((await send('DELETE', '/v1/entities/account/records/7')).status).toBe(404);
    expect((await send('GET', '/v1/entities/account/records/7')).status).toBe(404);
  });

  it('shows the origin of each field when asked', async () => {
    const { send, stored } = testApp();
    stored.records = [record];
    const lost = { value: 'acme', source: 'crm', at: '3', by: 'ranked', how: 'refused', cycle: 2 };
    const origin = { source: 'shop', at: '5', by: 'ranked', cycle: 1 } as const;
    const value = new ExactNumber('12345678901234567890');
    stored.origins = { employees: { ...origin, value, lost: [{ ...lost } as LostValue] } };
    const shown = await send('GET', '/v1/entities/account/records/7?provenance=true');
    expect(await shown.json()).toMatchObject({
      id: '7',
      provenance: { employees: { ...origin, value: value.digits, lost: [lost] } },
    });
    const plain = await send('GET', '/v1/entities/account/records/7?provenance=false');
    expect(await plain.json()).not.toHaveProperty('provenance');
    expect((await send('GET', '/v1/entities/account/records/7?provenance=1')).status).toBe(422);
  });

  it('sets a field by hand, with a value and a reason, and takes it back', async () => {
    const { send, stored } = testApp();
    stored.records = [record];
    const path = '/v1/entities/account/records/7/fields/name';
    const set = await send('PUT', path, { value: null, reason: 'asked them' });
    expect([set.status, await set.json()]).toMatchObject([200, { fields: { name: null } }]);
    for (const body of [{ value: 'x' }, { reason: 'x' }, { value: 'x', reason: '' }])
      expect((await send('PUT', path, body)).status).toBe(422);
    const back = await send('DELETE', path);
    expect([back.status, await back.json()]).toMatchObject([
      200,
      { fields: { employees: '12345678901234567890' } },
    ]);
    expect((await send('DELETE', '/v1/entities/none/records/7/fields/name')).status).toBe(404);
  });

  it('shows the transaction log by record and by cycle', async () => {
    const { send, stored } = testApp();
    stored.records = [record];
    const entry = {
      record: '7',
      cycle: 3,
      run: 'r1',
      operation: 'update',
      changes: [{ field: 'name', old: null, new: 'Acme', source: 'shop', at: '17', by: 'latest' }],
      refused: [{ field: 'name', value: 'ACME', source: 'crm', at: null, by: 'latest' }],
      ids: [{ system: 'shop', id: '1', change: 'attached', by: 'match' }],
      merged: ['9'],
    } as const;
    stored.entries = [{ ...entry, at }];
    const expected = { entries: [{ ...entry, at: at.toISOString() }], next: null };
    const history = await send('GET', '/v1/entities/account/records/7/history');
    expect(await history.json()).toEqual(expected);
    expect(await (await send('GET', '/v1/entities/account/history?cycle=3')).json()).toEqual(
      expected,
    );
    expect((await send('GET', '/v1/entities/account/history')).status).toBe(422);
    expect((await send('GET', '/v1/entities/account/records/8/history')).status).toBe(404);
  });

  it('tells how far destinations are behind, and which duplicates were left', async () => {
    const { send, stored } = testApp();
    stored.groups = [{ records: ['7', '8'], reason: 'guard', cycle: 3, at }];
    expect(await (await send('GET', '/v1/entities/account/lag')).json()).toEqual({
      destinations: { crm: { records: 3, refused: 0, seconds: 1.5, watermark: '7' } },
    });
    expect(await (await send('GET', '/v1/entities/account/duplicates')).json()).toEqual({
      groups: [{ records: ['7', '8'], reason: 'guard', cycle: 3, at: at.toISOString() }],
    });
  });
});
