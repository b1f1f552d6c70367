import { constants } from 'node:fs';
import { access, readdir } from 'node:fs/promises';
import { ConfigError } from '../../model/failure.ts';
import type { StreamInfo } from '../../model/stream.ts';
import type { Connection, ConnectContext, SourceRequest, Target } from '../connector.ts';
import type { Destination } from '../destination.ts';
import type { Source } from '../source.ts';
import { unsupportedOrder } from '../order.ts';
import { FileDestination } from './destination.ts';
import { Directory } from './directory.ts';
import { fileFailure } from './failures.ts';
import { fieldsOf } from './fields.ts';
import { delimiterOf, formatOf } from './format.ts';
import { isGlob } from './glob.ts';
import { Journal } from './journal.ts';
import { nearestOf } from '../../model/nearest.ts';
import type { Reading } from './position.ts';
import { destinationOptionsSchema, sourceOptionsSchema, type FileSettings } from './settings.ts';
import { FileSource } from './source.ts';

/** A base directory and the files in it. */
export class FileConnection implements Connection {
  readonly #directory: Directory;
  readonly #context: ConnectContext;

  constructor(settings: FileSettings, context: ConnectContext) {
    this.#directory = new Directory(settings.path);
    this.#context = context;
  }

  check(): Promise<void> {
    return this.#guard(this.#directory.base, async () => {
      await readdir(this.#directory.base);
      await access(this.#directory.base, constants.R_OK | constants.X_OK);
    });
  }

  discover(): Promise<StreamInfo[]> {
    return this.#guard(this.#directory.base, async () => {
      const streams: StreamInfo[] = [];
      for (const name of await this.#directory.list()) {
        const delimiter = delimiterOf(name, undefined);
        const reading = await this.#reading(name, { delimiter, empty: 'text' });
        const fields = await fieldsOf(formatOf(name, undefined), [reading]);
        streams.push({ name, fields, primaryKey: [] });
      }
      return streams;
    });
  }

  source(request: SourceRequest): Promise<Source> {
    const options = sourceOptionsSchema.parse(request.options);
    const { stream, watermark, lag, whole = false } = request;
    return this.#guard(stream, async () => {
      if (request.order === 'watermark')
        throw unsupportedOrder(stream, unsorted, this.#context.connection);
      const names = await this.#directory.resolve(stream);
      const format = formatOf(names[0] ?? stream, options.format);
      const reading = {
        delimiter: delimiterOf(stream, options.delimiter),
        empty: options.emptyAsNull ? 'null' : 'text',
      } as const;
      const files = await Promise.all(names.map((name) => this.#reading(name, reading)));
      const fields = await fieldsOf(format, files);
      const known = fields.map((field) => field.name);
      if (format === 'csv' && watermark !== undefined && !known.includes(watermark)) {
        throw new ConfigError(
          'unknown_field',
          `${stream} has no column ${watermark}${nearestOf(watermark, known)}`,
        );
      }
      const { connection, signal } = this.#context;
      return new FileSource({ connection, format, files, fields, watermark, lag, whole, signal });
    });
  }

  destination(target: Target): Promise<Destination> {
    const options = destinationOptionsSchema.parse(target.options);
    const { sync, stream, key, fields, rest = false, match } = target;
    return this.#guard(stream, async () => {
      if (target.id !== undefined)
        throw new ConfigError('invalid_id', `${stream}: a file gives its records no ids`);
      if (isGlob(stream)) throw new ConfigError('invalid_stream', `${stream}: ${globRefusal}`);
      const { neutralizeFormulas } = options;
      const delimiter = delimiterOf(stream, options.delimiter);
      const file = await this.#reading(stream, { delimiter, empty: 'null' });
      const format = formatOf(stream, options.format);
      const journal = new Journal(file.path, sync);
      const open = { sync, format, file, journal, key, fields, rest, match, neutralizeFormulas };
      return new FileDestination(open, this.#context.connection, this.#context.signal);
    });
  }

  async close(): Promise<void> {}

  async #reading(name: string, how: Pick<Reading, 'delimiter' | 'empty'>): Promise<Reading> {
    return { name, path: await this.#directory.locate(name), ...how };
  }

  async #guard<T>(name: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw fileFailure(error, this.#context.connection, name);
    }
  }
}

/** Why a file is not read in the order of a watermark. */
export const unsorted = 'a file is read in the order of its lines';

/** Why a glob cannot be written to. */
export const globRefusal = 'a glob stands for many files, a destination is one file';
