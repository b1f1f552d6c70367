import { access } from 'node:fs/promises';
import type { JsonObject } from '../../model/json.ts';
import type { KeyValues } from '../../model/record.ts';
import type {
  Existing,
  RecordDestination,
  WriteOperation,
  WriteOptions,
  WriteResult,
} from '../destination.ts';
import { codeOf, fileFailure } from './failures.ts';
import { keyOf, keyText } from './key.ts';
import { cellsOf, merge, storedRecords, type FileTarget } from './target.ts';
import { discardReplacement } from './write-file.ts';

const pageSize = 1000;

/**
 * Writes one file. Operations go to a journal beside it; the file itself changes only in `finish`, all at once,
 * so that a reader never sees half a run.
 */
export class FileDestination implements RecordDestination {
  readonly kind = 'records';
  readonly fields = null;
  readonly batch = { create: 1000, update: 1000, remove: 1000 };
  readonly idempotentCreate = true;
  readonly lookupBatch = 100_000;
  readonly #target: FileTarget;
  readonly #connection: string;
  readonly #closing: AbortSignal | undefined;

  constructor(target: FileTarget, connection: string, closing: AbortSignal | undefined) {
    this.#target = target;
    this.#connection = connection;
    this.#closing = closing;
  }

  async lookup(keys: readonly KeyValues[]): Promise<Existing[]> {
    const { match } = this.#target;
    const wanted = new Set(keys.map((key) => keyText(key, match)));
    const found: Existing[] = [];
    for await (const existing of this.#existing()) {
      const text = keyText(existing.key, match);
      if (text !== null && wanted.has(text)) found.push(existing);
    }
    return found;
  }

  async write(
    operations: readonly WriteOperation[],
    options: WriteOptions = {},
  ): Promise<WriteResult[]> {
    await options.beforeSend?.();
    options.signal?.throwIfAborted();
    await this.#guard(() => this.#target.journal.append(operations));
    return operations.map(() => ({ ok: true }));
  }

  async *scan(signal?: AbortSignal): AsyncIterable<readonly Existing[]> {
    let page: Existing[] = [];
    for await (const existing of this.#existing(signal)) {
      page.push(existing);
      if (page.length < pageSize) continue;
      yield page;
      page = [];
    }
    if (page.length > 0) yield page;
  }

  async finish(): Promise<void> {
    const { journal, file } = this.#target;
    await this.#guard(async () => {
      if (!(await exists(journal.path)) && (await exists(file.path))) return;
      await merge(this.#target);
      await journal.delete();
    });
  }

  async abandon(): Promise<void> {
    const { journal, file, sync } = this.#target;
    await this.#guard(async () => {
      await journal.delete();
      await discardReplacement(file.path, sync);
    });
  }

  async *#existing(signal?: AbortSignal): AsyncIterable<Existing> {
    const { key, fields, rest, file } = this.#target;
    const cells = cellsOf(this.#target);
    try {
      for await (const stored of storedRecords(this.#target)) {
        signal?.throwIfAborted();
        this.#closing?.throwIfAborted();
        const record = cells.decode(stored);
        yield { key: keyOf(record, key), id: null, values: rest ? record : pick(record, fields) };
      }
    } catch (error) {
      throw fileFailure(error, this.#connection, file.name);
    }
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw fileFailure(error, this.#connection, this.#target.file.name);
    }
  }
}

function pick(record: JsonObject, fields: readonly string[]): JsonObject {
  const picked: JsonObject = {};
  for (const field of fields) {
    const value = record[field];
    if (value !== undefined) picked[field] = value;
  }
  return picked;
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}
