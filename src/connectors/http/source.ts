import { ConfigError } from '../../model/failure.ts';
import type { Field, FieldType } from '../../model/field.ts';
import type { Calls } from '../contract/calls.ts';
import type { LookupRequest, Source, SourceRequest } from '../contract/source.ts';
import { noWatermark, unsupportedOrder } from '../kit/order.ts';
import { settledNow, invalidLag, watermarkText } from '../kit/watermark.ts';
import type { HttpClient } from '../kit/http/client.ts';
import { lookupRecords } from './lookup.ts';
import { sortsByWatermarkOf } from './modes.ts';
import { readPage } from '../kit/pages/pages.ts';
import { at } from '../kit/paths.ts';
import { batchOf, readChunk } from '../kit/pages/read-list.ts';
import { declaredFields, sampleFields } from './sample.ts';
import type { Params, ReadSettings, StreamSettings } from './settings.ts';
import { checkFields } from './streams.ts';

/** Opens a stream that the settings declare `read` for. Without declared fields its first page is sampled. */
export async function openSource(
  client: HttpClient,
  stream: StreamSettings,
  request: SourceRequest,
  calls: Calls,
): Promise<Source> {
  const { connection } = client;
  const { read, lookup } = stream;
  if (!read)
    throw new ConfigError('not_readable', `stream "${request.stream}" declares no read`, {
      connection,
    });
  checkFields(stream, request.key, connection);
  const { watermark } = request;
  if (watermark !== undefined && !read.incremental) {
    const message = `stream "${request.stream}" declares no read.incremental, so it takes no watermark`;
    throw new ConfigError('no_watermark', message, { connection });
  }
  if (request.order === 'watermark') {
    const sorted = watermark === undefined ? noWatermark : sortsByWatermarkOf(stream);
    if (sorted !== true) throw unsupportedOrder(request.stream, sorted, connection);
  }
  const declared = declaredFields(stream);
  const fields = declared ?? sampleFields((await readPage(client, read, null, {}, calls)).records);
  if (watermark !== undefined) checkLag(fields, watermark, request.lag, connection);
  const kept = {};
  const highest = watermark === undefined ? undefined : read.incremental?.highest?.params;
  return {
    encoding: 'json',
    fields,
    sampled: declared === undefined,
    uniqueBy: [],
    ...(highest &&
      watermark !== undefined && {
        highWatermark: (asking: Calls) => highWatermark(client, read, highest, watermark, asking),
        settled: (high: string) => Promise.resolve(settledNow(high)),
      }),
    read: (page, reading) =>
      Promise.resolve(readChunk({ client, read, fields, request, kept }, page, reading)),
    ...(lookup && {
      lookup: async (wanted: LookupRequest, asking: Calls) => {
        const { keyFields, keys } = wanted;
        return batchOf(
          fields,
          await lookupRecords(client, lookup, keyFields, keys, asking),
          wanted,
        );
      },
    }),
  };
}

const numeric = new Set<FieldType>(['integer', 'decimal', 'float']);

function checkLag(
  fields: readonly Field[],
  watermark: string,
  lag: string | number | undefined,
  connection: string,
): void {
  const type = fields.find((field) => field.name === watermark)?.type;
  if (lag === undefined || type === undefined || type === 'text' || type === 'unknown') return;
  if (numeric.has(type) !== (typeof lag === 'number')) throw invalidLag(lag, connection);
}

async function highWatermark(
  client: HttpClient,
  read: ReadSettings,
  params: Params,
  watermark: string,
  calls: Calls,
): Promise<string | null> {
  const { records } = await readPage(client, read, null, params, calls);
  return watermarkText(at(records[0], watermark));
}
