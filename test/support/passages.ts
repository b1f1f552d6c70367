import { faultPoints, type FaultPoint } from '../../src/model/fault-point.ts';
import { openBench } from './bench.ts';
import { planFaults } from './faults.ts';
import { ledgerKinds, ledgerSync, type LedgerKind } from './ledger-sync.ts';

/** A passage of a fault point in a run to one kind of destination. */
export interface Passage {
  readonly kind: LedgerKind;
  readonly point: FaultPoint;
  /** The number of times that an undisturbed run passes it. */
  readonly times: number;
}

/** True when only cycles of entities pass a point; the runs of their destinations pass the points of other syncs. */
export function isOfCycles(point: FaultPoint): boolean {
  return /^(unify|detach|merge|cycle|deliver)\./.test(point);
}

/** True when only long jobs pass a point: workers are killed there in `test/acceptance/jobs*.test.ts`. */
export function isOfJobs(point: FaultPoint): boolean {
  return point.startsWith('job.');
}

/** Runs every kind undisturbed and records which points it passes. */
export async function recordPassages(): Promise<Passage[]> {
  const faults = planFaults();
  const bench = await openBench({ env: faults.env });
  const syncs = await Promise.all(ledgerKinds.map((kind) => ledgerSync(bench, kind)));
  try {
    for (const sync of syncs) await sync.settle(await sync.start());
    const passed = faults.passed();
    return syncs.flatMap(({ id, kind }) =>
      faultPoints.flatMap((point) => {
        const times = passed.filter((one) => one.point === point && one.sync === id).length;
        return times === 0 ? [] : [{ kind, point, times }];
      }),
    );
  } finally {
    await bench.close();
    for (const sync of syncs) await sync.close();
    faults.close();
  }
}
