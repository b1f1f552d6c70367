import { ConfigError, LimitedError } from '../../model/failure.ts';
import type { Field } from '../../model/field.ts';
import { ExactNumber, type JsonObject } from '../../model/json.ts';
import type { KeyValues, RecordBatch, Value } from '../../model/record.ts';
import type { SourceRequest } from '../connector.ts';
import type { Cursor, Page, PageEnd, PageRequest, Source } from '../source.ts';
import type { ApiClient } from './client.ts';
import { lookupRecords } from './lookup.ts';
import { readPage } from './pages.ts';
import { at } from './path.ts';
import { declaredFields, sampleFields } from './sample.ts';
import type { LookupSettings, Params, ReadSettings, StreamSettings } from './settings.ts';
import { checkFields } from './streams.ts';

/** Opens a stream that the settings declare `read` for. Without declared fields its first page is sampled. */
export async function openSource(
  client: ApiClient,
  stream: StreamSettings,
  request: SourceRequest,
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
  const fields =
    declaredFields(stream) ?? sampleFields((await readPage(client, read, null, {})).records);
  const highest = watermark === undefined ? undefined : read.incremental?.highest?.params;
  return {
    encoding: 'json',
    fields,
    uniqueBy: [],
    ...(highest &&
      watermark !== undefined && {
        highWatermark: () => highWatermark(client, read, highest, watermark),
      }),
    read: (page) => Promise.resolve(readChunk(client, read, fields, page)),
    ...(lookup && {
      lookup: (
        keyFields: readonly string[],
        keys: readonly KeyValues[],
        names: readonly string[],
      ) => lookupBatch(client, lookup, fields, keyFields, keys, names),
    }),
  };
}

async function highWatermark(
  client: ApiClient,
  read: ReadSettings,
  params: Params,
  watermark: string,
): Promise<string | null> {
  const { records } = await readPage(client, read, null, params);
  const value = at(records[0], watermark);
  if (value === undefined || value === null) return null;
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  return value instanceof ExactNumber ? value.digits : null;
}

/** One page of the contract: as many pages of the API as the limit has room for. */
function readChunk(
  client: ApiClient,
  read: ReadSettings,
  known: readonly Field[],
  request: PageRequest,
): Page {
  const fields = fieldsNamed(known, request.fields);
  let end: PageEnd | undefined;
  async function* batches(): AsyncGenerator<RecordBatch> {
    const { incremental } = read;
    const extra: Params =
      request.since !== null && incremental ? { [incremental.parameter]: request.since } : {};
    const { limit } = request;
    let cursor: Cursor | null = request.cursor;
    let records = 0;
    let bytes = 0;
    do {
      const page = await readPage(client, read, cursor, extra, request.signal).catch(
        (error: unknown) => {
          // What was read already is kept: the chunk ends where the API asked to wait.
          if (error instanceof LimitedError && records > 0) return undefined;
          throw error;
        },
      );
      if (page === undefined) break;
      cursor = page.next;
      records += page.records.length;
      bytes += page.size;
      if (page.records.length > 0) yield batchOf(fields, page.records);
    } while (cursor !== null && records < limit.records && bytes < limit.bytes);
    end = { cursor, records, bytes };
  }
  return {
    batches,
    end() {
      if (!end) throw new Error('end() was asked before the page was read to its end');
      return end;
    },
  };
}

async function lookupBatch(
  client: ApiClient,
  lookup: LookupSettings,
  known: readonly Field[],
  keyFields: readonly string[],
  keys: readonly KeyValues[],
  names: readonly string[],
): Promise<RecordBatch> {
  const records = await lookupRecords(client, lookup, keyFields, keys);
  return batchOf(fieldsNamed(known, names), records);
}

function fieldsNamed(known: readonly Field[], names: readonly string[]): Field[] {
  const byName = new Map(known.map((field) => [field.name, field]));
  return names.map((name) => byName.get(name) ?? { name, type: 'unknown' });
}

function batchOf(fields: readonly Field[], records: readonly JsonObject[]): RecordBatch {
  const rows = records.map((record): Value[] => fields.map((field) => at(record, field.name)));
  return { encoding: 'json', fields, rows };
}
