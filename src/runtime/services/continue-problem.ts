import { watermarkFingerprint } from '../../../activities/session/watermark.ts';
import { conflict, runIsOpen, type ApiProblem } from '../../api/http/problem.ts';
import { isOver, writesAllDue } from '../../model/run.ts';
import type { SyncSpec } from '../../model/sync.ts';
import type { Continuable } from '../../store/runs/run-plans.ts';

/**
 * Returns the problem that keeps run `id` from being continued, now that its sync is declared as `spec`; null when it
 * can be.
 */
export function continueProblem(id: string, run: Continuable, spec: SyncSpec): ApiProblem | null {
  const { status, options, opened, supersededBy } = run;
  const members = { run: id };
  if (!isOver(status)) return runIsOpen(run.sync, id);
  if (status === 'completed') return conflict('run_completed', `Run "${id}" completed.`, members);
  if (!writesAllDue(options)) {
    const message = `Run "${id}" was a dry run, a part or a retry: start a run of its kind again.`;
    return conflict('not_continuable', message, members);
  }
  if (!opened) {
    const message = `Run "${id}" ended before it read anything: start a run instead.`;
    return conflict('nothing_to_continue', message, members);
  }
  if (watermarkFingerprint(run.spec) !== watermarkFingerprint(spec)) {
    const message = `Sync "${run.sync}" has changed since run "${id}": start a run instead.`;
    return conflict('sync_changed', message, members);
  }
  if (supersededBy !== null) {
    const message = `Run "${supersededBy}" came after "${id}": continue that, or start a run.`;
    return conflict('superseded', message, { run: supersededBy });
  }
  return null;
}
