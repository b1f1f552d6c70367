import type { Field } from '../../model/field.ts';
import type { KeyValues, RecordBatch, Value } from '../../model/record.ts';
import type { Page, PageEnd, PageRequest, Source } from '../source.ts';
import { inodeOf, resume, type FileCursor } from './cursor.ts';
import type { Format } from './format.ts';
import { fileFailure } from './failures.ts';
import { exactly, keyOf, keyText } from './key.ts';
import { start, type Located, type Position, type Reading } from './position.ts';
import { readRecords } from './records.ts';
import { compareWatermarks, isWithin, watermarkText } from './watermark.ts';

/** Rows are handed on in batches of this many. */
const batchSize = 1000;

/** What a file source reads. */
export interface FileStream {
  readonly connection: string;
  readonly format: Format;
  readonly files: readonly Reading[];
  readonly fields: readonly Field[];
  readonly watermark: string | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Reads files one after the other; a page begins where the one before ended, byte for byte. */
export class FileSource implements Source {
  readonly encoding = 'json';
  readonly fields: readonly Field[];
  readonly uniqueBy: readonly string[] = [];
  readonly highWatermark?: () => Promise<string | null>;
  readonly #stream: FileStream;

  constructor(stream: FileStream) {
    this.#stream = stream;
    this.fields = stream.fields;
    const { watermark } = stream;
    if (watermark !== undefined) this.highWatermark = () => this.#highest(watermark);
  }

  async read(request: PageRequest): Promise<Page> {
    const end: { value?: PageEnd } = {};
    return {
      batches: () => this.#page(request, end),
      end: () => {
        if (end.value === undefined) throw new Error('the page was not read to its end');
        return end.value;
      },
    };
  }

  async lookup(
    keyFields: readonly string[],
    keys: readonly KeyValues[],
    fields: readonly string[],
  ): Promise<RecordBatch> {
    const wanted = new Set(keys.map((key) => keyText(key, exactly)));
    const rows: Value[][] = [];
    for await (const { record } of this.#records(null)) {
      const key = keyText(keyOf(record, keyFields), exactly);
      if (key !== null && wanted.has(key)) rows.push(fields.map((field) => record[field]));
    }
    return this.#batch(fields, rows);
  }

  async *#page(request: PageRequest, end: { value?: PageEnd }): AsyncIterable<RecordBatch> {
    const { since, until, limit, fields } = request;
    let rows: Value[][] = [];
    const read = { records: 0, bytes: 0 };
    let cursor: string | null = null;
    for await (const { record, at, bytes } of this.#records(request.cursor, request.signal)) {
      read.bytes += bytes;
      if (isWithin(this.#watermarkOf(record), since, until)) {
        rows.push(fields.map((field) => record[field]));
        read.records += 1;
      }
      if (rows.length >= batchSize) {
        yield this.#batch(fields, rows);
        rows = [];
      }
      if (read.records >= limit.records || read.bytes >= limit.bytes) {
        cursor = JSON.stringify(at);
        break;
      }
    }
    if (rows.length > 0) yield this.#batch(fields, rows);
    end.value = { cursor, ...read };
  }

  #watermarkOf(record: Located['record']): Value {
    const { watermark } = this.#stream;
    return watermark === undefined ? undefined : record[watermark];
  }

  /** All records from a cursor on, with the place after each and the bytes it takes. */
  async *#records(cursor: string | null, signal?: AbortSignal) {
    const { files, connection } = this.#stream;
    try {
      const from = cursor === null ? null : await resume(cursor, files);
      for (const file of files) {
        if (from !== null && file.name < from.file) continue;
        yield* this.#fileRecords(file, from?.file === file.name ? from : start, signal);
      }
    } catch (error) {
      throw fileFailure(error, connection, files[0]?.name ?? '');
    }
  }

  async *#fileRecords(file: Reading, from: Position, signal: AbortSignal | undefined) {
    const inode = await inodeOf(file);
    let { byte } = from;
    for await (const { record, end } of readRecords(this.#stream.format, file, from)) {
      signal?.throwIfAborted();
      this.#stream.signal?.throwIfAborted();
      const at: FileCursor = { file: file.name, inode, byte: end.byte, line: end.line };
      yield { record, at, bytes: end.byte - byte };
      byte = end.byte;
    }
  }

  #batch(fields: readonly string[], rows: readonly (readonly Value[])[]): RecordBatch {
    const known = new Map(this.fields.map((field) => [field.name, field]));
    return {
      encoding: this.encoding,
      fields: fields.map((name) => known.get(name) ?? { name, type: 'unknown' }),
      rows,
    };
  }

  async #highest(watermark: string): Promise<string | null> {
    let highest: string | null = null;
    for await (const { record } of this.#records(null)) {
      const text = watermarkText(record[watermark]);
      if (text !== null && (highest === null || compareWatermarks(text, highest) > 0))
        highest = text;
    }
    return highest;
  }
}
