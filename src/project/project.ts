import type { EntitySpec } from '../model/entity.ts';
import type { SyncSpec } from '../model/sync.ts';

/** A connection of a project: the connector's type, and settings that its schema has accepted. */
export interface ProjectConnection {
  readonly type: string;
  /** The settings with variables filled in; they may hold secrets. */
  readonly settings: unknown;
}

/** A checked project file. */
export interface Project {
  readonly connections: Readonly<Record<string, ProjectConnection>>;
  readonly syncs: Readonly<Record<string, SyncSpec>>;
  readonly entities: Readonly<Record<string, EntitySpec>>;
}
