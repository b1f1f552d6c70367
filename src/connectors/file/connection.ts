import { constants } from 'node:fs';
import { access, readdir } from 'node:fs/promises';
import { ConfigError } from '../../model/failure.ts';
import type { Field } from '../../model/field.ts';
import type { StreamInfo } from '../../model/stream.ts';
import type { Calls } from '../contract/calls.ts';
import type { Connection } from '../contract/connector.ts';
import type { SourceRequest } from '../contract/source.ts';
import type { Destination } from '../contract/destination.ts';
import type { Target } from '../contract/target.ts';
import type { Source } from '../contract/source.ts';
import { unsupportedOrder } from '../kit/order.ts';
import { FileDestination } from './written/destination.ts';
import { Directory } from './stored/directory.ts';
import { callFiles } from './call.ts';
import { fieldsOf } from './formats/fields.ts';
import { encoderOf } from './stored/encoding.ts';
import { formatIn, type Format } from './formats/format.ts';
import { isGlob } from './stored/glob.ts';
import { ChangeJournal } from './written/journal.ts';
import { nearestOf } from '../../model/nearest.ts';
import type { Reading } from './formats/position.ts';
import { probe } from './stored/probe.ts';
import { currentFile, newFile, readingOf } from './read/reading.ts';
import {
  destinationOptionsSchema,
  sourceOptionsSchema,
  type FileSettings,
  type SourceOptions,
} from './settings.ts';
import { FileSource } from './read/source.ts';

/** A base directory and the files in it. */
export class FileConnection implements Connection {
  readonly #directory: Directory;
  readonly #connection: string;

  constructor(settings: FileSettings, connection: string) {
    this.#directory = new Directory(settings.path);
    this.#connection = connection;
  }

  check(calls: Calls): Promise<void> {
    return this.#call(calls, this.#directory.base, async () => {
      await readdir(this.#directory.base);
      await access(this.#directory.base, constants.R_OK | constants.X_OK);
    });
  }

  discover(calls: Calls): Promise<StreamInfo[]> {
    return this.#call(calls, this.#directory.base, async () => {
      const names = await this.#directory.list();
      return Promise.all(names.map((name) => this.#streamOf(name)));
    });
  }

  source(request: SourceRequest, calls: Calls): Promise<Source> {
    const options = sourceOptionsSchema.parse(request.options);
    const { stream, watermark, lag, whole = false } = request;
    return this.#call(calls, stream, async () => {
      if (request.order === 'watermark') throw unsupportedOrder(stream, unsorted, this.#connection);
      const names = await this.#directory.resolve(stream);
      const { format, files } = await this.#sourceFiles(names, options);
      const fields = await fieldsOf(format, files);
      const known = fields.map((field) => field.name);
      if (format === 'csv' && watermark !== undefined && !known.includes(watermark)) {
        throw new ConfigError(
          'unknown_field',
          `${stream} has no column ${watermark}${nearestOf(watermark, known)}`,
        );
      }
      const { malformed } = options;
      const how = { malformed, watermark, lag, whole };
      const connection = this.#connection;
      return new FileSource({ connection, stream, format, files, fields, ...how });
    });
  }

  destination(target: Target, calls: Calls): Promise<Destination> {
    const { sync, run = 'none', stream, key, fields, rest = false, match } = target;
    return this.#call(calls, stream, async () => {
      const options = destinationOptionsSchema.parse(target.options);
      if (target.id !== undefined)
        throw new ConfigError('invalid_id', `${stream}: a file gives its records no ids`);
      if (isGlob(stream)) throw new ConfigError('invalid_stream', `${stream}: ${globRefusal}`);
      const path = await this.#directory.locate(stream);
      const file = { name: stream, path };
      const held = () => currentFile(file, options);
      const now = await held();
      const made = now ?? newFile(file, options);
      encoderOf(made.file.encoding);
      const journal = new ChangeJournal(file, sync, run);
      const { neutralizeFormulas } = options;
      const open = { held, made, existed: now !== null, journal, neutralizeFormulas };
      return new FileDestination({ ...open, key, fields, rest, match }, this.#connection);
    });
  }

  async close(): Promise<void> {}

  /** Describes one file. A file that cannot be read is listed without fields, so that it does not hide the others. */
  async #streamOf(name: string): Promise<StreamInfo> {
    const fields = await this.#fieldsIn(name).catch((error: unknown) => {
      if (error instanceof ConfigError) return [];
      throw error;
    });
    return { name, fields, primaryKey: [] };
  }

  async #fieldsIn(name: string): Promise<readonly Field[]> {
    const { format, files } = await this.#sourceFiles([name], sourceOptionsSchema.parse({}));
    return fieldsOf(format, files);
  }

  async #sourceFiles(
    names: readonly string[],
    options: SourceOptions,
  ): Promise<{ format: Format; files: Reading[] }> {
    const paths = await Promise.all(names.map((name) => this.#directory.locate(name)));
    const found = names.map((name, at) => ({ name, path: paths[at] ?? name }));
    const stored = await Promise.all(found.map((file) => probe(file, options.encoding)));
    const [first] = stored;
    const format = first === undefined ? 'csv' : await formatIn(first, options.format);
    const files = await Promise.all(stored.map((file) => readingOf(file, format, options)));
    return { format, files };
  }

  /** Does a piece of work as one call. */
  #call<T>(calls: Calls, name: string, work: () => Promise<T>): Promise<T> {
    return callFiles(calls, { connection: this.#connection, name }, work);
  }
}

/** The reason why a file is not read in the order of a watermark. */
export const unsorted = 'a file is read in the order of its lines';

/** The reason why a glob cannot be written to. */
export const globRefusal = 'a glob stands for many files, a destination is one file';
