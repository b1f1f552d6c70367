/** The stages of a cycle, in order (DESIGN section 4). */
export const cycleStages = [
  'read',
  'attach',
  'fields',
  'merge',
  'save',
  'deliver',
  'close',
] as const;

/** One stage of a cycle. */
export type CycleStageName = (typeof cycleStages)[number];

/**
 * The counts of a stage so far, by name.
 * - `read`: the records of each source, by the source's name
 * - `attach`: `byId`, `byMatch`, `new`, `ambiguous`, `detached`
 * - `fields`: `changed`, `refused`
 * - `merge`: `groups`, `merged`, `reported`
 * - `save`: `created`, `updated`, `deleted`
 * - `deliver`: the records written to each destination, by its name
 */
export interface CycleStage {
  readonly name: CycleStageName;
  readonly status: 'pending' | 'running' | 'done';
  readonly counts: Readonly<Record<string, number>>;
}

/** A source that a cycle went on without, because its system was down or refused access (DESIGN section 5). */
export interface MissingSource {
  readonly source: string;
  /** The time of the first failure since the source was last read; ISO 8601, in UTC. */
  readonly since: string;
  readonly code: string;
  readonly message: string;
  readonly connection: string;
}

/** The part of a run that only a cycle of an entity has. */
export interface CycleView {
  readonly entity: string;
  readonly stages: readonly CycleStage[];
  /** True when sources hold more changes than this cycle read: the next cycle goes on there. */
  readonly more: boolean;
  /** The sources that it went on without. */
  readonly missing: readonly MissingSource[];
  /** The ids of the runs of its destinations. */
  readonly children: readonly string[];
}
