import { ConfigError } from '../../../model/failure.ts';
import type { Field } from '../../../model/field.ts';
import type { Encoding, RecordBatch } from '../../../model/record.ts';
import { splitByFields, rowsOf, type WantedFields } from '../../kit/rows.ts';
import type { Page, PageEnd, PageRequest } from '../../contract/page.ts';
import type { Calls } from '../../contract/calls.ts';
import type { LookupRequest, Settled, Source } from '../../contract/source.ts';
import {
  compareWatermarks,
  higher,
  subtractLag,
  settledNow,
  watermarkKind,
  WatermarkOrder,
  watermarkText,
} from '../../kit/watermark.ts';
import { cursorAt, resume } from './cursor.ts';
import type { Format } from '../formats/format.ts';
import { callFiles } from '../call.ts';
import { fileFailure } from '../failures.ts';
import { exactly, keyOf, keyText } from '../formats/key.ts';
import { start, type Located, type Position, type Reading } from '../formats/position.ts';
import { readRecords, requireReadable } from '../formats/records.ts';
import { untilAtRest, fileBusy, checkSame, stateOf, type FileState } from '../stored/state.ts';

/** The number of rows in a batch. */
const batchSize = 1000;

/** The place after a record, and the state in which the file was found. */
interface Place {
  readonly file: Reading;
  readonly state: FileState;
  /** The position in this file at which the page began. */
  readonly from: Position;
  readonly end: Position;
}

/** The stream that a file source reads. */
export interface FileStream {
  readonly connection: string;
  /** The stream's name, for error messages. */
  readonly stream: string;
  readonly format: Format;
  readonly files: readonly Reading[];
  readonly fields: readonly Field[];
  readonly watermark: string | undefined;
  readonly lag: string | number | undefined;
  /** The effect of a record that cannot be read: a record error, or the end of the run. */
  readonly malformed: 'error' | 'stop';
  /**
   * True when records that the read lacks will be removed elsewhere. Then only files that nobody writes to are read
   * (R7).
   */
  readonly whole: boolean;
}

/** Reads files one after the other. A page begins exactly where the one before ended. */
export class FileSource implements Source {
  /** `sql` for CSV, whose cells are texts for the destination's own parser. */
  readonly encoding: Encoding;
  readonly fields: readonly Field[];
  /** True for JSON: its records may have more fields than those in the sample. A CSV header names every column. */
  readonly sampled: boolean;
  readonly uniqueBy: readonly string[] = [];
  readonly highWatermark?: (calls: Calls) => Promise<string | null>;
  /**
   * Keeps the watermark before the present. A time in the future would hold it there, and records that come in the
   * meantime would never be read.
   */
  readonly settled = (high: string): Promise<Settled> => Promise.resolve(settledNow(high));
  readonly #stream: FileStream;

  constructor(stream: FileStream) {
    this.#stream = stream;
    this.fields = stream.fields;
    this.sampled = stream.format !== 'csv';
    this.encoding = stream.format === 'csv' ? 'sql' : 'json';
    const { watermark } = stream;
    if (watermark !== undefined) this.highWatermark = (calls) => this.#highest(watermark, calls);
  }

  async read(request: PageRequest, calls: Calls): Promise<Page> {
    const end: { value?: PageEnd } = {};
    return {
      batches: () => this.#page(request, calls, end),
      end: () => {
        if (end.value === undefined) throw new Error('the page was not read to its end');
        return end.value;
      },
    };
  }

  async lookup(asked: LookupRequest, calls: Calls): Promise<RecordBatch> {
    const { keyFields, keys } = asked;
    const wanted = new Set(keys.map((key) => keyText(key, exactly)));
    const found: Located[] = [];
    for await (const located of this.#records(null, calls)) {
      const key = keyText(keyOf(located.record, keyFields), exactly);
      if (key !== null && wanted.has(key)) found.push(located);
    }
    return this.#batch(found, asked);
  }

  async *#page(
    request: PageRequest,
    calls: Calls,
    end: { value?: PageEnd },
  ): AsyncIterable<RecordBatch> {
    const { until, limit } = request;
    const since = request.since === null ? null : this.#rewound(request.since);
    let found: Located[] = [];
    const read = { records: 0, bytes: 0 };
    let cursor: string | null = null;
    for await (const located of this.#records(request.cursor, calls)) {
      read.bytes += located.bytes;
      if (this.#isWithin(located, since, until)) {
        found.push(located);
        read.records += 1;
      }
      if (found.length >= batchSize) {
        yield* this.#batches(found, request);
        found = [];
      }
      if (read.records >= limit.records || read.bytes >= limit.bytes) {
        cursor = await this.#guard(() => this.#cursor(located.place));
        break;
      }
    }
    yield* this.#batches(found, request);
    end.value = { cursor, ...read };
  }

  #rewound(since: string): string {
    const { lag, connection } = this.#stream;
    return subtractLag(since, lag, connection);
  }

  /** True when a record is among those asked for, and for a record without a watermark, of which nobody can say. */
  #isWithin({ record }: Located, since: string | null, until: string | null): boolean {
    const { watermark } = this.#stream;
    const text = watermark === undefined ? null : watermarkText(record[watermark]);
    if (text === null || since === null) return true;
    if (watermarkKind(text) !== watermarkKind(since))
      throw this.#unsupported('does not hold what it held when the sync ran before');
    if (compareWatermarks(text, since) < 0) return false;
    return until === null || compareWatermarks(text, until) <= 0;
  }

  #unsupported(why: string): ConfigError {
    const { stream, watermark, connection } = this.#stream;
    const message = `${stream}: the watermark ${watermark} ${why}; it must be numbers, ISO 8601 times or texts that sort`;
    return new ConfigError('unsupported_watermark', message, { connection });
  }

  async #cursor({ file, state, from, end }: Place): Promise<string> {
    await checkSame(file, state, { from, whole: this.#stream.whole });
    return cursorAt(file, state, end, this.#stream.files);
  }

  /** Reads all records from a cursor on, with the place after each and the bytes that it takes. */
  async *#records(cursor: string | null, calls: Calls) {
    const { files, connection, whole } = this.#stream;
    const name = files[0]?.name ?? '';
    const from = await callFiles(calls, { connection, name }, async () =>
      cursor === null ? null : resume(cursor, files, whole),
    );
    try {
      for (const file of files) {
        if (from !== null && file.name < from.file) continue;
        if (from?.file === file.name) yield* this.#fileRecords(file, from, from, calls);
        else yield* this.#fileRecords(file, start, await this.#found(file, calls), calls);
      }
    } catch (error) {
      throw fileFailure(error, connection, name);
    }
  }

  #found(file: Reading, { signal }: Calls): Promise<FileState> {
    return this.#stream.whole ? untilAtRest(file, signal) : stateOf(file);
  }

  async *#fileRecords(file: Reading, from: Position, state: FileState, { signal }: Calls) {
    const { format, whole } = this.#stream;
    let { byte } = from;
    try {
      for await (const located of readRecords(format, file, from, signal)) {
        signal.throwIfAborted();
        const { end } = located;
        const place: Place = { file, state, from, end };
        yield { ...this.#tolerated(located), place, bytes: end.byte - byte };
        byte = end.byte;
      }
    } catch (error) {
      throw await this.#spoilt(error, file, state, signal);
    }
    await checkSame(file, state, { from, whole });
  }

  /** Returns the error of a record that cannot be read: if the file is being written, the record is only half there. */
  async #spoilt(
    error: unknown,
    file: Reading,
    before: FileState,
    signal: AbortSignal,
  ): Promise<unknown> {
    if (!(error instanceof ConfigError) || !spoilable.has(error.code)) return error;
    const { size, modified } = await untilAtRest(file, signal);
    return size === before.size && modified === before.modified ? error : fileBusy(file.name);
  }

  /** Returns the record, or throws when it cannot be read and the read must be whole: it could be any record (R7). */
  #tolerated(located: Located): Located {
    const { malformed, whole } = this.#stream;
    return malformed === 'stop' || whole ? requireReadable(located) : located;
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw fileFailure(error, this.#stream.connection, this.#stream.files[0]?.name ?? '');
    }
  }

  *#batches(found: readonly Located[], wanted: WantedFields): Generator<RecordBatch> {
    for (const some of splitByFields(found, wanted, ({ record }) => record))
      yield this.#batch(some, wanted);
  }

  #batch(found: readonly Located[], wanted: WantedFields): RecordBatch {
    const known = new Map(this.fields.map((field) => [field.name, field]));
    const { names, rows } = rowsOf(
      found.map(({ record }) => record),
      wanted,
    );
    const faults = found.flatMap(({ fault }, row) =>
      fault === undefined ? [] : [{ row, code: 'malformed_record', message: fault }],
    );
    return {
      encoding: this.encoding,
      fields: names.map((name) => known.get(name) ?? { name, type: 'unknown' }),
      rows,
      ...(faults.length > 0 && { faults }),
    };
  }

  async #highest(watermark: string, calls: Calls): Promise<string | null> {
    const order = new WatermarkOrder();
    let highest: string | null = null;
    for await (const { record } of this.#records(null, calls)) {
      const text = watermarkText(record[watermark]);
      const why = text === null ? undefined : order.meet(text);
      if (why !== undefined) throw this.#unsupported(why);
      highest = higher(highest, text);
    }
    return highest;
  }
}

/** Codes of errors that a half-written file may cause. */
const spoilable: ReadonlySet<string> = new Set(['malformed_file', 'invalid_encoding']);
