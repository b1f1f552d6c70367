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
 * What a stage has done so far, by name: `read`: records of each source; `attach`: `byId`, `byMatch`, `new`, `ambiguous`,
 * `detached`; `fields`: `changed`, `refused`; `merge`: `groups`, `merged`, `reported`; `save`: `created`, `updated`,
 * `deleted`; `deliver`: records written by each destination.
 */
export interface CycleStage {
  readonly name: CycleStageName;
  readonly status: 'pending' | 'running' | 'done';
  readonly counts: Readonly<Record<string, number>>;
}

/** What makes a run a cycle of an entity. */
export interface CycleView {
  readonly entity: string;
  readonly stages: readonly CycleStage[];
  /** Whether sources hold more changes than this cycle read: the next one goes on there. */
  readonly more: boolean;
  /** The runs of its destinations. */
  readonly children: readonly string[];
}
