import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open, readdir, rm, rmdir, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { ConfigError } from '../../../model/failure.ts';
import { isJsonObject, type JsonObject } from '../../../model/json.ts';
import type { Operation } from '../../../model/outcome.ts';
import type { KeyValues } from '../../../model/record.ts';
import { stringifyJson } from '../../kit/json.ts';
import { codeOf } from '../failures.ts';
import { lines, type Piece } from '../formats/lines.ts';
import { parseObject } from '../formats/object.ts';
import { start } from '../formats/position.ts';
import type { Stored } from '../stored/stored.ts';

/** One accepted operation. */
export interface Entry {
  /** The operation's id, the same on every attempt to write it. */
  readonly id: string;
  /** The chunk number. When two entries have one key, the one of the higher chunk counts. */
  readonly chunk: number;
  readonly operation: Operation;
  readonly key: KeyValues;
  readonly values: JsonObject;
}

const { O_APPEND, O_CREAT, O_EXCL, O_WRONLY } = constants;

/**
 * The writes of a run, kept until `finish` merges them into the target. The journal is a folder beside the target with
 * one file for each writer. Nobody else appends to a writer's file, and the writer makes one append at a time. So
 * appends of several workers, or of a frozen one that wakes, never tear each other. Each line has a checksum. Only the
 * last line of a file may be torn: its append was never acknowledged.
 */
export class ChangeJournal {
  readonly #folder: string;
  readonly #name: string;
  readonly #run: string;
  /** The file to append to; undefined before the first append, and after one that may have left a torn line. */
  #file: string | undefined;
  #last: Promise<void> = Promise.resolve();

  /**
   * @param target the file that the entries are for
   * @param run the run's id; it sorts after the ids of the sync's earlier runs
   */
  constructor(target: Pick<Stored, 'name' | 'path'>, sync: string, run: string) {
    const { name, path } = target;
    this.#folder = join(dirname(path), `.${basename(path)}.${sync}.sluice-journals`);
    this.#name = name;
    this.#run = run;
  }

  /** Appends entries. They are on disk when this returns. */
  append(entries: readonly Entry[]): Promise<void> {
    const text = entries.map(lineOf).join('');
    const written = this.#last.then(() => this.#write(text));
    this.#last = written.catch(() => undefined);
    return written;
  }

  /**
   * Reads the run's entries, one writer after the other.
   * @throws ConfigError `journal_damaged` if anything but a torn last line cannot be read
   */
  async *entries(): AsyncIterable<Entry> {
    const names = await this.#names();
    for (const each of names.filter((name) => runOf(name) === this.#run && name.endsWith(ending))) {
      const path = join(this.#folder, each);
      const file = { name: this.#name, path, encoding: 'utf-8', compressed: false };
      let unread: Piece | undefined;
      for await (const piece of lines(file, start, { growing: false })) {
        if (unread !== undefined) throw damaged(this.#name);
        const entry = parseLine(piece.text);
        if (entry === undefined) unread = piece;
        else yield entry;
      }
    }
  }

  /**
   * Returns a path at which the target's next content can be written, and that nobody else uses. `delete` removes what
   * is left there.
   */
  async scratch(): Promise<string> {
    await mkdir(this.#folder, { recursive: true });
    return join(this.#folder, `${this.#run}.${randomUUID()}.new`);
  }

  /**
   * Deletes what this run and earlier ones left behind. A frozen worker may have written to an earlier run's journal
   * after that run was over.
   */
  async delete(): Promise<void> {
    for (const name of await this.#names())
      if (runOf(name) <= this.#run) await rm(join(this.#folder, name), { force: true });
    try {
      await rmdir(this.#folder);
    } catch (error) {
      if (!['ENOENT', 'ENOTEMPTY'].includes(codeOf(error))) throw error;
    }
  }

  async #write(text: string): Promise<void> {
    const file = await this.#open();
    try {
      await file.writeFile(text);
      await file.sync();
    } catch (error) {
      this.#file = undefined;
      throw error;
    } finally {
      await file.close();
    }
  }

  /**
   * Opens the file to append to. A file that has disappeared is not created again: acknowledged entries disappeared
   * with it.
   */
  async #open(): Promise<FileHandle> {
    if (this.#file !== undefined) return open(this.#file, O_WRONLY | O_APPEND);
    await mkdir(this.#folder, { recursive: true });
    const path = join(this.#folder, `${this.#run}.${randomUUID()}${ending}`);
    const file = await open(path, O_WRONLY | O_APPEND | O_CREAT | O_EXCL);
    this.#file = path;
    return file;
  }

  async #names(): Promise<string[]> {
    try {
      return (await readdir(this.#folder)).toSorted();
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return [];
      throw error;
    }
  }
}

const ending = '.entries';

/** Returns the run that a file of the folder belongs to: its name up to the first dot. */
function runOf(name: string): string {
  return name.slice(0, name.indexOf('.'));
}

function lineOf({ id, chunk, operation, key, values }: Entry): string {
  const text = stringifyJson({ id, chunk, operation, key: [...key], values });
  return `${checksum(text)} ${text}\n`;
}

function parseLine(line: Buffer): Entry | undefined {
  const text = line.toString('utf8');
  const json = text.slice(9);
  return text.slice(0, 9) === `${checksum(json)} ` ? entryOf(json) : undefined;
}

function entryOf(json: string): Entry | undefined {
  const { id, chunk, operation, key, values } = parseObject(json) ?? {};
  if (operation !== 'create' && operation !== 'update' && operation !== 'remove') return undefined;
  if (typeof id !== 'string' || typeof chunk !== 'number') return undefined;
  if (!Array.isArray(key) || !isJsonObject(values)) return undefined;
  return { id, chunk, operation, key, values };
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}

function damaged(name: string): ConfigError {
  return new ConfigError(
    'journal_damaged',
    `what this run has written for ${name} cannot be read any more; run the sync again`,
  );
}
