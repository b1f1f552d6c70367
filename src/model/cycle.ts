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

/** The part of a run that only a cycle of an entity has. */
export interface CycleView {
  readonly entity: string;
  readonly stages: readonly CycleStage[];
  /** True when sources hold more changes than this cycle read: the next cycle goes on there. */
  readonly more: boolean;
  /** The ids of the runs of its destinations. */
  readonly children: readonly string[];
}
