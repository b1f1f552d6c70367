import type { Source } from '../../src/connectors/contract/source.ts';
import type { Mapping } from '../../src/engine/mapping/mapping.ts';
import type { KeyMatch } from '../../src/model/match.ts';
import type { RunStart } from '../../src/model/run.ts';
import type { RunPlan } from '../../src/store/runs/run-plans.ts';
import type { Parents } from '../paths/parents.ts';
import type { MakeCalls } from '../quota/paced-calls.ts';

/** What all steps of a run work with: its plan, its open source, and how records become those of the destination. */
export interface Ends {
  readonly run: string;
  /** Settled when the run opens: until then it does not say from where to read. */
  plan: RunPlan;
  readonly source: Source;
  readonly mapping: Mapping;
  /** How keys are compared. */
  readonly match: KeyMatch;
  /** The records that mapped fields point to. */
  readonly parents: Parents;
  /** Makes calls to the source. */
  readonly callSource: MakeCalls;
  /** Makes calls to the destination. */
  readonly callDestination: MakeCalls;
}

/**
 * Where the run begins to read; null at the beginning.
 * @param startsOver true where nothing is left at the destination of the run that it continues
 */
export function startOf(
  { plan, source }: { readonly plan: Pick<RunPlan, 'start'>; readonly source: Pick<Source, 'job'> },
  startsOver: boolean,
): RunStart | null {
  return startsOver || source.job !== undefined ? null : plan.start;
}
