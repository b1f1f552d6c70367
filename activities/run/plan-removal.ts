import { approvalReason } from '../../src/engine/match/removal-guard.ts';
import { faultPoint } from '../../src/model/fault-point.ts';
import type { RunActivities } from '../activities.ts';
import { type WorkerDependencies, withSession } from '../session/with-session.ts';
import { stepOf } from '../host/attempt.ts';
import { shownKey } from '../paths/keyed/sample.ts';

/** Pins the records that a mirror would remove, counts them, and asks the guard whether that needs approval (R7). */
export function planRemoval(deps: WorkerDependencies): RunActivities['planRemoval'] {
  return ({ run, chunk }) =>
    withSession(deps, run, async ({ ends, path }, signal) => {
      const { errors, previews, runProgress } = deps.store;
      await runProgress.enter(run, 'remove');
      faultPoint('removal.before-plan');
      const plan = await path.planRemoval(stepOf(run, chunk, signal));
      const { remove, of, sample = [] } = plan;
      const imported = await path.imported();
      const unnamed = await errors.unnamed(run);
      const { removal, dryRun = false } = { ...ends.plan.spec, ...ends.plan.options };
      const facts = { remove, of, imported, unnamed, least: path.leastRecords };
      const reason = approvalReason(facts, removal.guard);
      const needsApproval = reason !== null;
      faultPoint('removal.after-plan');
      if (!dryRun) return { remove, of, needsApproval, ...(needsApproval && { reason }) };
      const keys = sample.map(shownKey);
      await previews.put(run, chunk, { removal: { remove, of, needsApproval, keys } });
      return { remove, of, needsApproval: false };
    });
}
