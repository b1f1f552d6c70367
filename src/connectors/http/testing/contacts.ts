import { afterEach } from 'vitest';
import {
  startStrictApi,
  type StrictApi,
  type StrictApiOptions,
} from '../../../../test/support/strict-api.ts';
import { permissionsOf } from '../../../model/mode.ts';
import { unlimited, type Calls } from '../../contract/calls.ts';
import type { WriteOperation } from '../../contract/records.ts';
import type { Target } from '../../contract/target.ts';
import { connectDirectly, type DirectRecords, type DirectSource } from '../../testing/direct.ts';
import { http } from '../http.ts';

const open: StrictApi[] = [];

/** Starts an API that is closed after the test. */
export async function api(options: StrictApiOptions = {}): Promise<StrictApi> {
  const started = await startStrictApi(options);
  open.push(started);
  return started;
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

/** A stream that is read and written record by record. */
export const single = {
  key: 'email',
  id: 'id',
  read: { path: '/contacts', records: 'data' },
  lookup: {
    path: '/contacts/lookup',
    method: 'POST',
    batch: 50,
    body: { keys: '{keys}' },
    records: 'records',
  },
  create: { path: '/contacts' },
  update: { path: '/contacts/{key}' },
  delete: { path: '/contacts/{key}' },
};

/** A stream that is written by one call for many records. */
export const bulk = {
  key: 'email',
  upsert: {
    method: 'POST',
    path: '/contacts/bulk',
    bulk: { size: 10, wrap: 'records', results: 'results', id: 'id' },
  },
};

/** A connection whose stream `contacts` is declared so. */
export function connect(url: string, stream: object, extra: object = {}, calls: Calls = unlimited) {
  const settings = http.settings.parse({ url, streams: { contacts: stream }, ...extra });
  return connectDirectly(http, settings, { connection: 'crm', calls });
}

/** Gives the API so many contacts, `p0@example.com` and on, each changed a minute after the one before. */
export function fill(server: StrictApi, count: number): void {
  for (let n = 0; n < count; n += 1) {
    const email = `p${n}@example.com`;
    const updated_at = new Date(Date.UTC(2026, 0, 1, 0, n)).toISOString();
    server.records.set(email, { id: String(n), email, address: { city: `City ${n}` }, updated_at });
  }
}

/** Reads a source to its end: the rows, and how many records each chunk had. */
export async function readAll(
  source: DirectSource,
  limit: number,
  { since = null, ms }: { since?: string | null; ms?: number } = {},
) {
  const rows: unknown[][] = [];
  const chunks: number[] = [];
  let cursor: string | null = null;
  do {
    const page = await source.read({
      cursor,
      since,
      until: null,
      fields: ['email', 'address.city', 'absent'],
      limit: { records: limit, bytes: 1e9, ...(ms !== undefined && { ms }) },
    });
    for await (const batch of page.batches()) rows.push(...batch.rows.map((row) => [...row]));
    chunks.push(page.end().records);
    ({ cursor } = page.end());
  } while (cursor !== null);
  return { rows, chunks };
}

/** The contacts of an API as a source that is read so. */
export async function sourceOf(
  url: string,
  read: object,
  watermark?: string,
  lag?: string | number,
): Promise<DirectSource> {
  const connection = connect(url, {
    key: 'email',
    read: { path: '/contacts', records: 'data', ...read },
  });
  const request = {
    stream: 'contacts',
    key: ['email'],
    options: {},
    ...(watermark && { watermark }),
    ...(lag !== undefined && { lag }),
  };
  return connection.source(request);
}

/** The contacts of an API as a destination that is declared so. */
export async function destinationOf(
  url: string,
  stream: object,
  extra: object = {},
  calls: Calls = unlimited,
  more: Partial<Target> = {},
) {
  const destination = await connect(url, stream, extra, calls).destination({
    sync: 's',
    stream: 'contacts',
    key: ['email'],
    fields: ['email', 'name', 'address.city'],
    permissions: permissionsOf('mirror'),
    match: { caseInsensitive: false, trim: false },
    tracked: false,
    options: {},
    ...more,
  });
  return destination as DirectRecords;
}

/** An operation on the contact of an address. */
export function operation(
  kind: WriteOperation['operation'],
  email: string,
  values: WriteOperation['values'] = {},
): WriteOperation {
  return { operation: kind, key: [email], id: null, values, idempotencyKey: `key-${email}` };
}

/** A create of a contact. */
export function create(email: string, name = 'Ann'): WriteOperation {
  return operation('create', email, { email, name });
}
