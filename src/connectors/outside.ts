import { basename, join } from 'node:path';
import type { Jiti } from 'jiti';
import { checkConnector } from './check-connector.ts';
import type { Connector } from './contract/connector.ts';
import { locateModule, unusable } from './locate-module.ts';
import * as kit from './kit/index.ts';
import * as sluice from './public.ts';

/** Loads connectors that are not part of Sluice, from below one folder; each module once. */
export class OutsideConnectors {
  readonly #folder: string;
  readonly #byFile = new Map<string, Promise<Connector>>();
  #jiti: Promise<Jiti> | undefined;

  /** @param folder that paths are relative to, and that nothing is loaded from outside of */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * The connector that a `type` names. A module that failed is tried again by the next call.
   * @param type such as `./connectors/foo.ts` or `npm:sluice-connector-foo`
   * @throws ConfigError `unusable_connector`, which says why
   */
  async load(type: string): Promise<Connector> {
    const jiti = await (this.#jiti ??= modulesOf(this.#folder));
    const file = await locateModule(type, this.#folder, (name) => jiti.esmResolve(name));
    const known = this.#byFile.get(file);
    if (known !== undefined) return known;
    const loading = importConnector(jiti, type, file);
    this.#byFile.set(file, loading);
    loading.catch(() => this.#byFile.delete(file));
    return loading;
  }
}

/**
 * Imports modules as from within `folder`, TypeScript included. `sluice` and `sluice/kit` are this very program, so that its classes of
 * failures are known here. Nothing is kept on disk: a cache in a folder that others may write would be run the next time.
 */
async function modulesOf(folder: string): Promise<Jiti> {
  const { createJiti } = await import('jiti');
  return createJiti(join(folder, 'sluice.yaml'), {
    fsCache: false,
    interopDefault: false,
    virtualModules: { sluice, 'sluice/kit': kit },
  });
}

async function importConnector(jiti: Jiti, type: string, file: string): Promise<Connector> {
  let module: object;
  try {
    module = await jiti.import(file);
  } catch (error) {
    // The first line says what is wrong; the others may show the source.
    const [said] = (error instanceof Error ? error.message : String(error)).split('\n');
    throw unusable(`${type} cannot be loaded: ${said?.trim() ?? basename(file)}`, error);
  }
  try {
    return checkConnector(type, exportOf(type, module));
  } catch (error) {
    // Once it is mended it is to be read again.
    delete jiti.cache[file];
    throw error;
  }
}

/** The default export of an ES module; what a CommonJS module exports. */
function exportOf(type: string, module: object): unknown {
  if ('default' in module) return module.default;
  if ('contractVersion' in module) return module;
  throw unusable(`${type} has no default export`);
}
