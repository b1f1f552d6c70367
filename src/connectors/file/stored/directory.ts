import { readdir, realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { ConfigError } from '../../../model/failure.ts';
import { codeOf } from '../failures.ts';
import { formatByName } from '../formats/format.ts';
import { globMatcher, isGlob } from './glob.ts';
import { nearestOf } from '../../../model/nearest.ts';

/** The base directory of a connection. All names are relative to it and written with `/`. */
export class Directory {
  readonly base: string;

  constructor(base: string) {
    this.base = resolve(base);
  }

  /**
   * Returns the path of a file, which need not exist.
   * @throws ConfigError `invalid_stream` if it lies outside the base, whether by `..`, as an absolute path or through a
   *   link
   */
  async locate(name: string): Promise<string> {
    const path = resolve(this.base, name);
    if (isAbsolute(name) || !isInside(this.base, path)) throw outside(name);
    const real = await existing(path);
    if (!isInside(await realpath(this.base), real)) throw outside(name);
    return path;
  }

  /** Lists the names of all files with a known extension, sorted, without hidden ones. */
  async list(): Promise<string[]> {
    return (await this.#files('**')).filter((name) => formatByName(name) !== undefined);
  }

  /**
   * Returns the files that a stream stands for, sorted by name.
   * @throws ConfigError `unknown_stream`, with the most similar names; `invalid_stream`
   */
  async resolve(stream: string): Promise<string[]> {
    const names = isGlob(stream) ? await this.#files(stream) : await this.#single(stream);
    for (const name of names) await this.locate(name);
    if (names.length > 0) return names;
    throw new ConfigError(
      'unknown_stream',
      `no file ${stream} in the base directory${nearestOf(stream, await this.list())}`,
    );
  }

  async #single(name: string): Promise<string[]> {
    try {
      return (await stat(await this.locate(name))).isFile() ? [name] : [];
    } catch (error) {
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return [];
      throw error;
    }
  }

  async #files(glob: string): Promise<string[]> {
    if (isAbsolute(glob) || glob.split('/').includes('..')) throw outside(glob);
    const matches = globMatcher(glob.replace(/^(\.\/)+/, ''));
    const entries = await readdir(this.base, { recursive: true, withFileTypes: true });
    const names = entries
      .filter((entry) => entry.isFile() || entry.isSymbolicLink())
      .map((entry) => relative(this.base, join(entry.parentPath, entry.name)).split(sep).join('/'));
    return names.filter(matches).toSorted();
  }
}

function isInside(base: string, path: string): boolean {
  const way = relative(base, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

/** Returns the real path of the nearest ancestor that exists. Links in any of the folders are followed. */
async function existing(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    return existing(resolve(path, '..'));
  }
}

function outside(name: string): ConfigError {
  return new ConfigError('invalid_stream', `${name} is outside the connection's base directory`);
}
