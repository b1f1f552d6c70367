import { resolve } from 'node:path';
import { ConfigError } from '../model/failure.ts';
import type { Connector } from './contract/connector.ts';
import { file } from './file/file.ts';
import { http } from './http/http.ts';
import { namesModule, unusable } from './locate-module.ts';
import { OutsideConnectors } from './outside.ts';
import { postgres } from './postgres/postgres.ts';

/** Every connector that comes with Sluice: a new one is added here and in its own folder, nowhere else. */
const builtIn: readonly Connector[] = [postgres, http, file];

/** Finds a connector, loading it if need be. */
export interface FindsConnectors {
  /** @throws ConfigError `unknown_type`, `unusable_connector` */
  get(type: string): Promise<Connector>;
}

/** The connectors that a process knows: those that come with Sluice, and those that it has loaded from a project's folder. */
export class Connectors implements FindsConnectors {
  /** The folder from below which connectors are loaded. Absent: none are. */
  readonly root?: string;
  readonly #outside?: OutsideConnectors;
  readonly #loaded = new Map<string, Connector>();

  constructor(root?: string) {
    if (root === undefined) return;
    this.root = resolve(root);
    this.#outside = new OutsideConnectors(this.root);
  }

  /** The connector of a connection's `type`, as far as it is loaded. */
  find(type: string): Connector | undefined {
    return builtIn.find((connector) => connector.type === type) ?? this.#loaded.get(type);
  }

  /** All that are known, in the order the docs list them; loaded ones last. */
  all(): readonly Connector[] {
    return [...builtIn, ...this.#loaded.values()];
  }

  /**
   * Loads those of `types` that name modules and are not loaded yet.
   * @returns why some could not be loaded, by type; empty where all could
   */
  async load(types: Iterable<string>): Promise<ReadonlyMap<string, ConfigError>> {
    const refused = new Map<string, ConfigError>();
    const missing = [...new Set(types)].filter(
      (type) => namesModule(type) && !this.#loaded.has(type),
    );
    for (const type of missing) {
      try {
        this.#loaded.set(type, await this.#loadOutside(type));
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        refused.set(type, error);
      }
    }
    return refused;
  }

  async get(type: string): Promise<Connector> {
    const refused = (await this.load([type])).get(type);
    if (refused !== undefined) throw refused;
    const connector = this.find(type);
    if (connector !== undefined) return connector;
    const types = builtIn.map((each) => each.type).join(', ');
    throw new ConfigError('unknown_type', `there is no connector "${type}"; there are ${types}`);
  }

  async #loadOutside(type: string): Promise<Connector> {
    if (this.#outside !== undefined) return this.#outside.load(type);
    throw unusable(
      `${type} is no part of Sluice: set SLUICE_CONNECTOR_ROOT to the project's folder, from below which connectors may be loaded`,
    );
  }
}
