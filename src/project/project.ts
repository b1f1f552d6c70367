import type { Connector } from '../connectors/contract/connector.ts';
import type { Connectors } from '../connectors/registry.ts';
import type { EntitySpec } from '../model/entity.ts';
import type { SyncSpec } from '../model/sync.ts';

/** A connection of a project: its type, the connector of that type, and settings that its schema has accepted. */
export interface ProjectConnection {
  readonly type: string;
  readonly connector: Connector;
  /** With variables filled in: may hold secrets. */
  readonly settings: unknown;
}

/** A checked project file. */
export interface Project {
  /** Those that the file was checked with; all that its connections need are loaded. */
  readonly connectors: Connectors;
  readonly connections: Readonly<Record<string, ProjectConnection>>;
  readonly syncs: Readonly<Record<string, SyncSpec>>;
  readonly entities: Readonly<Record<string, EntitySpec>>;
}
