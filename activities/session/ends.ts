import type { Source } from '../../src/connectors/contract/source.ts';
import type { Mapping } from '../../src/engine/mapping/mapping.ts';
import type { KeyMatch } from '../../src/model/match.ts';
import type { RunStart } from '../../src/model/run.ts';
import type { RunPlan } from '../../src/store/runs/run-plans.ts';
import type { Parents } from '../paths/parents.ts';
import type { MakeCalls } from '../quota/paced-calls.ts';

/** The parts of a run that all its steps work with: its plan, its open source, and the mapping to the destination. */
export interface Ends {
  readonly run: string;
  /** The run's plan. Where the read begins is only known once the run has opened. */
  plan: RunPlan;
  readonly source: Source;
  readonly mapping: Mapping;
  /** The rules by which keys are compared. */
  readonly match: KeyMatch;
  /** The records that mapped fields point to. */
  readonly parents: Parents;
  /** Makes calls to the source. */
  readonly callSource: MakeCalls;
  /** Makes calls to the destination. */
  readonly callDestination: MakeCalls;
}

/**
 * Returns where the run begins to read; null means at the beginning of the source.
 * @param startsOver true when the run that it continues has left nothing at the destination
 */
export function startOf(
  { plan, source }: { readonly plan: Pick<RunPlan, 'start'>; readonly source: Pick<Source, 'job'> },
  startsOver: boolean,
): RunStart | null {
  return startsOver || source.job !== undefined ? null : plan.start;
}
