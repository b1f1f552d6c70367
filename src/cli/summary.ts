import type { RecordErrorView } from '../api/record-error-view.ts';
import type { RunView } from '../api/run-view.ts';

/** What a finished run did, as lines for people. */
export function summaryOf(run: RunView, errors: readonly RecordErrorView[]): string[] {
  const { stats } = run;
  const outcome = run.outcome ? `, ${run.outcome.replace('_', ' ')}` : '';
  const lines = [
    ...(run.dryRun ? ['dry run: nothing was written; this is what would be'] : []),
    `${run.sync} ${run.status}${outcome} (run ${run.id}, mode ${run.mode})`,
    `imported ${stats.imported}: created ${stats.created}, updated ${stats.updated}, unchanged ${stats.unchanged}, ` +
      `skipped ${stats.skipped}, errors ${stats.errors}; removed ${stats.removed}`,
  ];
  for (const error of errors) lines.push(`  ${recordErrorLine(error)}`);
  if (stats.errors > errors.length) lines.push(`  all of them: sluice errors ${run.id}`);
  if (run.failure) lines.push(...failureLines(run.failure));
  if ((run.status === 'failed' || run.status === 'cancelled') && !run.dryRun)
    lines.push(`  go on where it stopped with: sluice run ${run.sync} --continue ${run.id}`);
  return lines;
}

/** One record error on one line. */
export function recordErrorLine(error: RecordErrorView): string {
  const field = error.field ? ` (${error.field})` : '';
  return `${keyText(error.key)} ${error.operation}: ${error.code}${field} ${error.message}`;
}

/** A key as text: its one value, or its values as JSON. */
export function keyText(key: unknown): string {
  if (key === null || key === undefined) return '(no key)';
  return typeof key === 'string' ? key : JSON.stringify(key);
}

function failureLines({ code, message, connection }: NonNullable<RunView['failure']>): string[] {
  const where = connection === undefined ? '' : ` in connection ${connection}`;
  const lines = [`failed${where}: ${code}: ${message}`];
  if (connection !== undefined) lines.push(`  try it with: sluice check ${connection}`);
  return lines;
}
