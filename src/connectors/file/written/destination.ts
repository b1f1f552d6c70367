import type { JsonObject } from '../../../model/json.ts';
import type { Encoding, KeyValues } from '../../../model/record.ts';
import type {
  Existing,
  RecordDestination,
  WriteOperation,
  WriteResult,
} from '../../contract/records.ts';
import type { Calls } from '../../contract/calls.ts';
import { encoderOf, type Encoder } from '../stored/encoding.ts';
import { callFiles } from '../call.ts';
import { fileFailure } from '../failures.ts';
import type { Entry } from './journal.ts';
import { keyOf, keyText } from '../formats/key.ts';
import { objectOf } from '../formats/object.ts';
import { mergeJournal } from './merge-journal.ts';
import { cellsOf, storedRecords, type FileTarget } from './target.ts';

const pageSize = 1000;

/**
 * Writes one file. Operations go to a journal beside it. The file itself changes only in `finish`, all at once, so that
 * a reader never sees half a run.
 */
export class FileDestination implements RecordDestination {
  readonly kind = 'records';
  readonly fields = null;
  readonly batch = { create: 1000, update: 1000, remove: 1000 };
  readonly idempotentCreate = true;
  readonly allAtOnce = true;
  readonly takes: Encoding;
  readonly lookupBatch = 100_000;
  readonly #target: FileTarget;
  readonly #connection: string;
  readonly #encoder: Encoder;

  constructor(target: FileTarget, connection: string) {
    this.#target = target;
    this.takes = target.made.format === 'csv' ? 'sql' : 'json';
    this.#connection = connection;
    this.#encoder = encoderOf(target.made.file.encoding);
  }

  async lookup(keys: readonly KeyValues[], calls: Calls): Promise<Existing[]> {
    const { match } = this.#target;
    const wanted = new Set(keys.map((key) => keyText(key, match)));
    const found: Existing[] = [];
    for await (const existing of this.#existing(calls)) {
      const text = keyText(existing.key, match);
      if (text !== null && wanted.has(text)) found.push(existing);
    }
    return found;
  }

  async write(operations: readonly WriteOperation[], calls: Calls): Promise<WriteResult[]> {
    const results = operations.map((operation) => this.#checked(operation));
    const entries = operations.filter((_, at) => results[at]?.ok).map(entryOf);
    if (entries.length > 0) await this.#call(calls, () => this.#target.journal.append(entries));
    return results;
  }

  async *scan(calls: Calls): AsyncIterable<readonly Existing[]> {
    let page: Existing[] = [];
    for await (const existing of this.#existing(calls)) {
      page.push(existing);
      if (page.length < pageSize) continue;
      yield page;
      page = [];
    }
    if (page.length > 0) yield page;
  }

  async finish(_run: string, written: number, calls: Calls): Promise<void> {
    await this.#call(calls, async () => {
      if (written === 0 && (await this.#target.held()) !== null) return;
      await mergeJournal(this.#target, written);
    });
  }

  async forget(_run: string, calls: Calls): Promise<void> {
    await this.#call(calls, () => this.#target.journal.delete());
  }

  /** Refuses a record with a text that the file's encoding does not have. JSON can write any character in ASCII. */
  #checked({ key, values }: WriteOperation): WriteResult {
    const { made, key: names } = this.#target;
    if (made.format !== 'csv') return { ok: true };
    const cells = cellsOf(this.#target);
    const written = [
      ...names.map((name, at) => [name, key[at] ?? null] as const),
      ...Object.entries(values),
    ];
    const refused = written.find(([, value]) => {
      const cell = cells.encode(value);
      return typeof cell === 'string' && !this.#encoder.holds(cell);
    });
    if (refused === undefined) return { ok: true };
    const [field] = refused;
    const message = `${field} has a character that ${made.file.encoding} does not have`;
    return { ok: false, class: 'record', code: 'invalid_value', message, field };
  }

  async *#existing(calls: Calls): AsyncIterable<Existing> {
    const { key, fields, rest, made } = this.#target;
    const cells = cellsOf(this.#target);
    const records = await this.#call(calls, () => storedRecords(this.#target, calls.signal));
    try {
      for await (const stored of records) {
        calls.signal.throwIfAborted();
        const record = cells.decode(stored);
        yield { key: keyOf(record, key), id: null, values: rest ? record : pick(record, fields) };
      }
    } catch (error) {
      throw fileFailure(error, this.#connection, made.file.name);
    }
  }

  /** Does a piece of work as one call. */
  #call<T>(calls: Calls, work: () => Promise<T>): Promise<T> {
    const { name } = this.#target.made.file;
    return callFiles(calls, { connection: this.#connection, name }, work);
  }
}

function entryOf({ idempotencyKey, chunk = 0, operation, key, values }: WriteOperation): Entry {
  return { id: idempotencyKey, chunk, operation, key, values };
}

function pick(record: JsonObject, fields: readonly string[]): JsonObject {
  const held = fields.filter((field) => Object.hasOwn(record, field));
  return objectOf(held.map((field) => [field, record[field] ?? null]));
}
