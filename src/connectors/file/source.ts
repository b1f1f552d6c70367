import { ConfigError } from '../../model/failure.ts';
import type { Field } from '../../model/field.ts';
import type { KeyValues, RecordBatch, Value } from '../../model/record.ts';
import { alike, rowsOf, type Wanted } from '../rows.ts';
import type { Page, PageEnd, PageRequest, Source } from '../source.ts';
import { compareWatermarks, higher, rewind, watermarkText } from '../watermark.ts';
import { cursorAt, resume } from './cursor.ts';
import type { Format } from './format.ts';
import { fileFailure } from './failures.ts';
import { exactly, keyOf, keyText } from './key.ts';
import { start, type Located, type Position, type Reading } from './position.ts';
import { readRecords } from './records.ts';
import { atRest, busy, checkSame, stateOf, type FileState } from './state.ts';

/** Rows are handed on in batches of this many. */
const batchSize = 1000;

/** A place after a record, and how the file was found. */
interface Place {
  readonly file: Reading;
  readonly state: FileState;
  /** Where the page began in this file. */
  readonly from: Position;
  readonly end: Position;
}

/** What a file source reads. */
export interface FileStream {
  readonly connection: string;
  readonly format: Format;
  readonly files: readonly Reading[];
  readonly fields: readonly Field[];
  readonly watermark: string | undefined;
  readonly lag: string | number | undefined;
  /** What the read lacks will be removed elsewhere: only files at rest are read (R7). */
  readonly whole: boolean;
  readonly signal: AbortSignal | undefined;
}

/** Reads files one after the other; a page begins where the one before ended, byte for byte. */
export class FileSource implements Source {
  readonly encoding = 'json';
  readonly fields: readonly Field[];
  /** A header names every column; records of JSON may have more fields than those that were looked at. */
  readonly sampled: boolean;
  readonly uniqueBy: readonly string[] = [];
  readonly highWatermark?: () => Promise<string | null>;
  readonly #stream: FileStream;

  constructor(stream: FileStream) {
    this.#stream = stream;
    this.fields = stream.fields;
    this.sampled = stream.format !== 'csv';
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
    rest?: boolean,
  ): Promise<RecordBatch> {
    const wanted = new Set(keys.map((key) => keyText(key, exactly)));
    const records: Located['record'][] = [];
    for await (const { record } of this.#records(null)) {
      const key = keyText(keyOf(record, keyFields), exactly);
      if (key !== null && wanted.has(key)) records.push(record);
    }
    return this.#batch(records, { fields, rest });
  }

  async *#page(request: PageRequest, end: { value?: PageEnd }): AsyncIterable<RecordBatch> {
    const { until, limit } = request;
    const since = request.since === null ? null : this.#rewound(request.since);
    let records: Located['record'][] = [];
    const read = { records: 0, bytes: 0 };
    let cursor: string | null = null;
    for await (const { record, place, bytes } of this.#records(request.cursor, request.signal)) {
      read.bytes += bytes;
      if (isWithin(this.#watermarkOf(record), since, until)) {
        records.push(record);
        read.records += 1;
      }
      if (records.length >= batchSize) {
        for (const some of alike(records, request)) yield this.#batch(some, request);
        records = [];
      }
      if (read.records >= limit.records || read.bytes >= limit.bytes) {
        cursor = await this.#guard(() => this.#cursor(place));
        break;
      }
    }
    for (const some of alike(records, request)) yield this.#batch(some, request);
    end.value = { cursor, ...read };
  }

  #rewound(since: string): string {
    const { lag, connection } = this.#stream;
    return rewind(since, lag, connection);
  }

  #watermarkOf(record: Located['record']): Value {
    const { watermark } = this.#stream;
    return watermark === undefined ? undefined : record[watermark];
  }

  async #cursor({ file, state, from, end }: Place): Promise<string> {
    await checkSame(file, state, { from, whole: this.#stream.whole });
    return cursorAt(file, state, end);
  }

  /** All records from a cursor on, with the place after each and the bytes it takes. */
  async *#records(cursor: string | null, signal?: AbortSignal) {
    const { files, connection, whole } = this.#stream;
    try {
      const from = cursor === null ? null : await resume(cursor, files, whole);
      for (const file of files) {
        if (from !== null && file.name < from.file) continue;
        if (from?.file === file.name) yield* this.#fileRecords(file, from, from, signal);
        else yield* this.#fileRecords(file, start, await this.#found(file), signal);
      }
    } catch (error) {
      throw fileFailure(error, connection, files[0]?.name ?? '');
    }
  }

  #found(file: Reading): Promise<FileState> {
    return this.#stream.whole ? atRest(file) : stateOf(file);
  }

  async *#fileRecords(
    file: Reading,
    from: Position,
    state: FileState,
    signal: AbortSignal | undefined,
  ) {
    const { format, whole } = this.#stream;
    let { byte } = from;
    try {
      for await (const { record, end } of readRecords(format, file, from)) {
        signal?.throwIfAborted();
        this.#stream.signal?.throwIfAborted();
        const place: Place = { file, state, from, end };
        yield { record, place, bytes: end.byte - byte };
        byte = end.byte;
      }
    } catch (error) {
      throw await this.#spoilt(error, file, state);
    }
    await checkSame(file, state, { from, whole });
  }

  /** What cannot be read in a file that is being written is half a record, not a wrong one. */
  async #spoilt(error: unknown, file: Reading, before: FileState): Promise<unknown> {
    if (!(error instanceof ConfigError) || error.code !== 'malformed_file') return error;
    const { size, modified } = await atRest(file);
    return size === before.size && modified === before.modified ? error : busy(file.name);
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw fileFailure(error, this.#stream.connection, this.#stream.files[0]?.name ?? '');
    }
  }

  #batch(records: readonly Located['record'][], wanted: Wanted): RecordBatch {
    const known = new Map(this.fields.map((field) => [field.name, field]));
    const { names, rows } = rowsOf(records, wanted);
    return {
      encoding: this.encoding,
      fields: names.map((name) => known.get(name) ?? { name, type: 'unknown' }),
      rows,
    };
  }

  async #highest(watermark: string): Promise<string | null> {
    let highest: string | null = null;
    for await (const { record } of this.#records(null)) {
      highest = higher(highest, watermarkText(record[watermark]));
    }
    return highest;
  }
}

/** Whether a record with this watermark is among those asked for; nobody can say of one without it. */
function isWithin(value: Value, since: string | null, until: string | null): boolean {
  const text = since === null ? null : watermarkText(value);
  if (text === null || since === null) return true;
  if (compareWatermarks(text, since) < 0) return false;
  return until === null || compareWatermarks(text, until) <= 0;
}
