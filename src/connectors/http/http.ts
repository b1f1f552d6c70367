import { milliseconds } from '../../model/duration.ts';
import type { StreamInfo } from '../../model/stream.ts';
import { keyFields } from '../../model/sync.ts';
import type { Calls } from '../contract/calls.ts';
import { defineConnector, type Connection } from '../contract/connector.ts';
import { HttpClient } from '../kit/http/client.ts';
import { openDestination } from './destination.ts';
import { modesOf, removalsOf, sortsByWatermarkOf, wholeReadsOf } from './modes.ts';
import { readPage } from '../kit/pages/pages.ts';
import { bucketOf } from '../kit/quota-settings.ts';
import { declaredFields, sampleFields } from './sample.ts';
import { type HttpSettings, settingsSchema, type StreamSettings } from './settings.ts';
import { openSource } from './source.ts';
import { streamOf } from './streams.ts';

/** Any JSON REST API, its streams and calls declared in the connection's settings. */
export const http = defineConnector<HttpSettings, HttpConnection>({
  type: 'http',
  title: 'Any JSON REST API, declared in the settings',
  settings: settingsSchema,
  secrets: [
    'auth.token',
    'auth.password',
    'auth.value',
    'auth.clientSecret',
    'auth.refreshToken',
    'auth.privateKey',
    'headers.*',
  ],
  quota: ({ quota }) => (quota ? { default: bucketOf(quota) } : undefined),
  source: {
    wholeReads: (settings, { stream }) => wholeReadsOf(settings, stream),
    sortsByWatermark: ({ streams }, { stream }) =>
      sortsByWatermarkOf(Object.hasOwn(streams, stream) ? streams[stream] : undefined),
    open: async ({ client, stream }, request, calls) =>
      openSource(client, stream(request.stream), request, calls),
  },
  destination: {
    modes: (settings, { stream }) => modesOf(settings, stream),
    removals: ({ streams }, { stream }) =>
      removalsOf(Object.hasOwn(streams, stream) ? streams[stream] : undefined),
    open: async ({ client, stream }, target) =>
      openDestination(client, stream(target.stream), target),
  },
  connect(settings, context) {
    const { url, headers, auth, timeout } = settings;
    const { connection, memory } = context;
    const client = new HttpClient({
      connection,
      url,
      headers,
      auth,
      memory,
      timeoutMs: milliseconds(timeout),
    });
    return {
      client,
      stream: (name) => streamOf(settings, name, connection),
      check: (calls) => check(client, settings, calls),
      discover: (calls) => discover(client, settings, calls),
      // The platform's own pool keeps the sockets and closes the idle ones.
      close: async () => client.close(),
    };
  },
});

/** A connected API, and its streams by name. */
interface HttpConnection extends Connection {
  readonly client: HttpClient;
  /** @throws ConfigError `unknown_stream` */
  readonly stream: (name: string) => StreamSettings;
}

/** Reads one page of the first stream that can be read; else any answer of the base address will do. */
async function check(client: HttpClient, settings: HttpSettings, calls: Calls): Promise<void> {
  const read = Object.values(settings.streams).find((stream) => stream.read)?.read;
  if (read) {
    await readPage(client, read, null, {}, calls);
    return;
  }
  const call = { method: 'GET', path: '', label: 'the base address' };
  await client.request(call, calls);
}

async function discover(
  client: HttpClient,
  settings: HttpSettings,
  calls: Calls,
): Promise<StreamInfo[]> {
  const streams: StreamInfo[] = [];
  for (const [name, stream] of Object.entries(settings.streams))
    streams.push({
      name,
      fields: await fieldsOf(client, stream, calls),
      primaryKey: stream.key === undefined ? [] : keyFields(stream.key),
    });
  return streams;
}

async function fieldsOf(
  client: HttpClient,
  stream: StreamSettings,
  calls: Calls,
): Promise<StreamInfo['fields']> {
  const declared = declaredFields(stream);
  if (declared || !stream.read) return declared ?? [];
  return sampleFields((await readPage(client, stream.read, null, {}, calls)).records);
}
