import { http } from '../../src/connectors/http/http.ts';
import type { Json, JsonObject } from '../../src/model/json.ts';
import { startStrictApi, type StrictApi } from '../support/strict-api.ts';
import { suiteTarget, type Harness } from './harness.ts';
import { connectorSuite } from './suite.ts';

const parts = { source: true, destination: 'records' } as const;

/** Ways to write: one call a record, a bulk call, and one that archives what it removes. */
const writes = {
  single: {
    create: { path: '/contacts' },
    update: { path: '/contacts/{key}' },
    delete: { path: '/contacts/{key}' },
  },
  bulk: {
    create: {
      path: '/contacts/bulk',
      bulk: { size: 100, wrap: 'records', results: 'results', id: 'id' },
    },
    update: { path: '/contacts/{key}' },
    delete: { path: '/contacts/{key}' },
  },
  archiving: {
    create: { path: '/contacts' },
    update: { path: '/contacts/{key}' },
    delete: { path: '/contacts/{key}' },
    archive: { path: '/contacts/{key}/archive' },
    archived: 'archived',
    restore: { path: '/contacts/{key}/restore' },
    leastRecords: 1,
  },
};

const lists = {
  single: { path: '/contacts', records: 'data', pagination: { type: 'page' } },
  bulk: { path: '/contacts', records: 'data', pagination: { type: 'cursor' } },
  archiving: { path: '/contacts', records: 'data', pagination: { type: 'offset' } },
};

/** The same list in the order of `note`. */
const sorted = {
  path: '/contacts',
  records: 'data',
  params: { sort: 'note' },
  incremental: { parameter: 'note_since', sorted: true },
};
const sortedLists = {
  single: { ...sorted, pagination: { type: 'offset' } },
  bulk: { ...sorted, pagination: { type: 'cursor' } },
  archiving: { ...sorted, pagination: { type: 'offset' } },
};

connectorSuite('http (single calls, pages)', parts, () => harness('single'));
connectorSuite('http (bulk calls, cursor)', parts, () => harness('bulk'));

const written = { source: false, destination: 'records' } as const;
connectorSuite('http (archives)', written, () => harness('archiving'));

const token = 'right-token-of-the-suite';
const wrongToken = 'wrong-token-of-the-suite';

/** What both harnesses say of the API. */
function common(api: StrictApi, settings: JsonObject) {
  return {
    connector: http,
    settings,
    requests: () => api.stats().requests,
    limit() {
      api.pause(60_000);
      return () => api.pause(0);
    },
    // The settings declare everything.
    local: ['discover', 'open source', 'open destination'],
    secrets: [token, wrongToken],
    broken: {
      'wrong credentials': { ...settings, auth: { type: 'bearer', token: wrongToken } },
      'nobody there': { ...settings, url: 'http://127.0.0.1:1' },
    },
  };
}

async function harness(way: 'single' | 'bulk' | 'archiving'): Promise<Harness> {
  const api = await startStrictApi({ token, key: 'code', poison: ['refused'], pageSize: 3 });
  const fields = { code: 'text', name: 'text', note: 'text' };
  const settings = {
    url: api.url,
    auth: { type: 'bearer', token },
    streams: {
      sorted: { key: 'code', fields, read: sortedLists[way] },
      contacts: {
        key: 'code',
        id: 'id',
        fields,
        read: lists[way],
        lookup: {
          path: '/contacts/lookup',
          method: 'POST',
          batch: 50,
          body: { keys: '{keys}' },
          records: 'records',
        },
        ...writes[way],
      },
    },
  };
  return {
    ...common(api, settings),
    seed(records) {
      api.records.clear();
      for (const record of records) api.records.set(textOf(record['code']), { ...record });
      return Promise.resolve();
    },
    readBack: () => Promise.resolve([...api.records.list()] as JsonObject[]),
    ...(way === 'archiving' && { leastRecords: 1 }),
    sourceRequest: () => ({ stream: 'contacts', key: ['code'], options: {} }),
    ordered: () => ({
      stream: 'sorted',
      key: ['code'],
      options: {},
      watermark: 'note',
      order: 'watermark',
    }),
    target: (options) => suiteTarget('contacts', options),
    wrongStream: { stream: 'contact', nearest: 'contacts' },
    refused: { name: 'refused', note: 'n' },
    close: () => api.close(),
  };
}

const assigned = { source: false, destination: null, assigned: true } as const;
connectorSuite('http (ids of the API, single calls)', assigned, () => withIds('single'));
connectorSuite('http (ids of the API, bulk calls)', assigned, () => withIds('bulk'));

const lookup = {
  path: '/contacts/lookup',
  method: 'POST',
  batch: 50,
  body: { keys: '{keys}' },
  records: 'records',
};

/** The ways to write records whose ids the API assigns. */
const idWrites = {
  single: {
    key: 'code',
    lookup: { path: '/contacts/search/{key}' },
    lookupById: lookup,
    create: { path: '/contacts', idempotencyHeader: 'Idempotency-Key' },
    update: { path: '/contacts/{id}' },
    delete: { path: '/contacts/{key}' },
  },
  bulk: {
    key: 'id',
    lookup,
    create: writes.bulk.create,
    update: { path: '/contacts/{id}' },
    delete: { path: '/contacts/{id}' },
  },
};

async function withIds(way: 'single' | 'bulk'): Promise<Harness> {
  const api = await startStrictApi({ token, key: 'id', bulk: 100 });
  const auth = { type: 'bearer', token };
  const settings = { url: api.url, auth, streams: { contacts: idWrites[way] } };
  const target = suiteTarget('contacts', {});
  return {
    ...common(api, settings),
    seed(records) {
      api.records.clear();
      for (const [at, record] of records.entries())
        api.records.set(`seed${at}`, { ...record, id: `seed${at}` });
      return Promise.resolve();
    },
    readBack: () => Promise.resolve([...api.records.values()] as JsonObject[]),
    assigned: () => ({ ...target, key: ['id'], id: 'id', fields: ['code', 'name', 'note'] }),
    close: () => api.close(),
  };
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}
