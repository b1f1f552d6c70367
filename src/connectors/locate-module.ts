import { realpath, stat } from 'node:fs/promises';
import { extname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConfigError } from '../model/failure.ts';

/** The endings that a connector's module may have. */
const extensions = ['.ts', '.mts', '.js', '.mjs', '.cjs'];
const packageName = /^(@[\w-][\w.-]*\/)?[\w-][\w.-]*$/;

/** Resolves a package's name to the `file:` URL of its module. @throws where there is no such package */
export type ResolvePackage = (name: string) => string;

/** True for a `type` that names a module: `./connectors/foo.ts`, `../foo.ts`, `npm:sluice-connector-foo`. */
export function namesModule(type: string): boolean {
  return /^(\.{1,2}\/|npm:)/.test(type);
}

/**
 * The real path of the module that a `type` names.
 * @param folder whose files may be loaded; paths are relative to it
 * @throws ConfigError `unusable_connector` where there is no such file, where it is not below `folder` (links and `..`
 *   are followed), or where it is no module
 */
export async function locateModule(
  type: string,
  folder: string,
  resolvePackage: ResolvePackage,
): Promise<string> {
  const root = await realPath(folder);
  if (root === null) throw unusable(`${type}: there is no folder ${folder}`);
  const named = type.startsWith('npm:') ? packageFile(type, resolvePackage) : resolve(root, type);
  // A path that leads out is not even looked at: whoever names it must not learn what there is.
  if (type.startsWith('.') && !isBelow(named, root)) throw outside(type, folder);
  const file = await realPath(named);
  if (file === null || !(await stat(file)).isFile()) throw missing(type, folder);
  if (!isBelow(file, root)) throw outside(type, folder);
  if (!extensions.includes(extname(file)))
    throw unusable(`${type} is no module: a connector's file ends in ${extensions.join(', ')}`);
  return file;
}

/** A connector that cannot be loaded. */
export function unusable(message: string, cause?: unknown): ConfigError {
  return new ConfigError('unusable_connector', message, { cause });
}

/** Where the module of a package is; an empty path where there is none. */
function packageFile(type: string, resolvePackage: ResolvePackage): string {
  const name = type.slice('npm:'.length);
  if (!packageName.test(name)) throw unusable(`${type}: npm: is followed by the name of a package`);
  try {
    return fileURLToPath(resolvePackage(name));
  } catch {
    return '';
  }
}

function missing(type: string, folder: string): ConfigError {
  return type.startsWith('npm:')
    ? unusable(`${type}: there is no such package in ${join(folder, 'node_modules')}`)
    : unusable(`${type}: there is no such file below ${folder}`);
}

function outside(type: string, folder: string): ConfigError {
  return unusable(`${type} leads out of ${folder}: connectors are loaded from below it only`);
}

function isBelow(file: string, root: string): boolean {
  return file.startsWith(root.endsWith(sep) ? root : root + sep);
}

/** Null where nothing is there. */
async function realPath(path: string): Promise<string | null> {
  try {
    return await realpath(path);
  } catch {
    return null;
  }
}
