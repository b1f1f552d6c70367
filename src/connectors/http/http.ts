import { milliseconds } from '../../model/duration.ts';
import type { StreamInfo } from '../../model/stream.ts';
import { keyFields } from '../../model/sync.ts';
import type { Connection, Connector } from '../contract/connector.ts';
import { ApiClient } from './client.ts';
import { openDestination } from './destination.ts';
import { modesOf, sortsByWatermarkOf, wholeReadsOf } from './modes.ts';
import { readPage } from './pages.ts';
import { declaredFields, sampleFields } from './sample.ts';
import { type HttpSettings, settingsSchema, type StreamSettings } from './settings.ts';
import { openSource } from './source.ts';
import { streamOf } from './streams.ts';

/** Any JSON REST API, its streams and calls declared in the connection's settings. */
export const http: Connector<HttpSettings> = {
  type: 'http',
  title: 'Any JSON REST API, declared in the settings',
  settings: settingsSchema,
  secrets: ['auth.token', 'auth.password', 'auth.value', 'auth.clientSecret', 'headers.*'],
  quota({ quota }) {
    if (!quota) return undefined;
    const { requests, per, concurrency } = quota;
    return {
      ...(requests !== undefined && { requests, perMs: milliseconds(per) }),
      ...(concurrency !== undefined && { concurrency }),
    };
  },
  modes: (settings, target) => modesOf(settings, target.stream),
  wholeReads: (settings, { stream }) => wholeReadsOf(settings, stream),
  sortsByWatermark: ({ streams }, { stream }) =>
    sortsByWatermarkOf(Object.hasOwn(streams, stream) ? streams[stream] : undefined),
  connect(settings, context): Connection {
    const client = new ApiClient(settings, context);
    const stream = (name: string) => streamOf(settings, name, context.connection);
    return {
      check: () => check(client, settings),
      discover: () => discover(client, settings),
      source: async (request) => openSource(client, stream(request.stream), request),
      destination: async (target) => openDestination(client, stream(target.stream), target),
      // The platform's own pool keeps the sockets and closes the idle ones.
      close: async () => client.close(),
    };
  },
};

/** Reads one page of the first stream that can be read; else any answer of the base address will do. */
async function check(client: ApiClient, settings: HttpSettings): Promise<void> {
  const read = Object.values(settings.streams).find((stream) => stream.read)?.read;
  if (read) {
    await readPage(client, read, null, {});
    return;
  }
  const call = { method: 'GET', path: '', label: 'the base address' };
  await client.request(call);
}

async function discover(client: ApiClient, settings: HttpSettings): Promise<StreamInfo[]> {
  const streams: StreamInfo[] = [];
  for (const [name, stream] of Object.entries(settings.streams))
    streams.push({
      name,
      fields: await fieldsOf(client, stream),
      primaryKey: stream.key === undefined ? [] : keyFields(stream.key),
    });
  return streams;
}

async function fieldsOf(client: ApiClient, stream: StreamSettings): Promise<StreamInfo['fields']> {
  const declared = declaredFields(stream);
  if (declared || !stream.read) return declared ?? [];
  return sampleFields((await readPage(client, stream.read, null, {})).records);
}
